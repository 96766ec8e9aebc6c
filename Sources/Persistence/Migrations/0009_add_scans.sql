-- Every scan that reached us, what it came to, and which of them let somebody in. check_ins stays what decides at the
-- door: the one admission that counts, the first of those here.
CREATE TABLE scans (
    -- Of a scan that admits also the check-in's.
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT scans_event_fkey REFERENCES events (id),
    -- Null when no ticket of this event was shown.
    ticket_id uuid CONSTRAINT scans_ticket_fkey REFERENCES tickets (id),
    registration_id uuid CONSTRAINT scans_registration_fkey REFERENCES registrations (id),
    -- By the device's clock.
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    gate text,
    device text,
    -- The device's own name for the scan.
    scan_id text,
    -- Decided by the gate itself, and merged later.
    is_offline boolean NOT NULL,
    -- What the gate did.
    let_in boolean NOT NULL,
    -- What was right: 'admitted' for everyone whom a gate let in with a good ticket, be it the second time.
    result text NOT NULL,
    by_user_id uuid NOT NULL CONSTRAINT scans_user_fkey REFERENCES users (id),
    undone_at timestamptz,
    undone_by uuid CONSTRAINT scans_undone_by_fkey REFERENCES users (id),
    -- The organizer's words; they go with the row when a person is erased.
    undo_reason text,
    CONSTRAINT scans_result_is_known
        CHECK (result IN ('admitted', 'duplicate', 'revoked', 'wrongEvent', 'notYetValid', 'unknown')),
    CONSTRAINT scans_admitted_let_in CHECK (result <> 'admitted' OR (let_in AND registration_id IS NOT NULL))
);
-- Sent again, a scan is the same scan.
CREATE UNIQUE INDEX scans_once ON scans (event_id, coalesce(device, ''), scan_id) WHERE scan_id IS NOT NULL;
CREATE INDEX scans_by_event ON scans (event_id, received_at, id);
CREATE INDEX scans_admitting ON scans (registration_id) WHERE result = 'admitted';
-- Offline, somebody was let in whom the service would have refused.
CREATE INDEX scans_refused_later ON scans (event_id) WHERE is_offline AND let_in AND result <> 'admitted';

INSERT INTO scans (id, event_id, ticket_id, registration_id, at, received_at, gate, device, scan_id, is_offline, let_in,
    result, by_user_id)
SELECT id, event_id, ticket_id, registration_id, at, at, gate, device, scan_id, false, true, 'admitted', by_user_id
FROM check_ins
ON CONFLICT DO NOTHING;

-- A registration may have had several tickets, one after the other: it is let in once all the same.
CREATE UNIQUE INDEX check_ins_once_per_registration ON check_ins (registration_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON scans TO em_service;
