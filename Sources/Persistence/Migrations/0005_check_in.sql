-- Check-in: who is in, and every scan at a gate.

-- What decides at the gate: the one admission of a ticket that counts.
CREATE TABLE check_ins (
    id uuid PRIMARY KEY,
    ticket_id uuid NOT NULL CONSTRAINT check_ins_ticket_fkey REFERENCES tickets (id),
    event_id uuid NOT NULL CONSTRAINT check_ins_event_fkey REFERENCES events (id),
    registration_id uuid NOT NULL CONSTRAINT check_ins_registration_fkey REFERENCES registrations (id),
    at timestamptz NOT NULL DEFAULT now(),
    gate text,
    device text,
    -- The device's own name for the scan: sent again, it gets the same answer.
    scan_id text,
    by_user_id uuid NOT NULL CONSTRAINT check_ins_user_fkey REFERENCES users (id),
    -- The transaction that last changed it, as of tickets.
    changed_in xid8 DEFAULT pg_current_xact_id(),
    -- One admission per ticket, whoever scans at the same moment.
    CONSTRAINT check_ins_once UNIQUE (ticket_id)
);
-- A registration may have had several tickets, one after the other: it is let in once all the same.
CREATE UNIQUE INDEX check_ins_once_per_registration ON check_ins (registration_id);
CREATE INDEX check_ins_by_event ON check_ins (event_id, at);
CREATE INDEX check_ins_changed ON check_ins (event_id, changed_in) WHERE changed_in IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON check_ins TO em_service;
GRANT SELECT ON check_ins TO em_notifications, em_ws_hub;

CREATE TRIGGER check_ins_note_change BEFORE UPDATE ON check_ins FOR EACH ROW EXECUTE FUNCTION note_change();

-- A check-in that is undone leaves no row: its tickets carry the change.
CREATE FUNCTION note_removed_check_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET changed_in = pg_current_xact_id() WHERE registration_id = OLD.registration_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_ins_note_removal AFTER DELETE ON check_ins
    FOR EACH ROW EXECUTE FUNCTION note_removed_check_in();

-- Every scan that reached us, what it came to, and which of them let somebody in. The first that admitted is the
-- check-in.
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
    -- What was right: 'admitted' for everyone whom a gate let in with a good ticket, even the second time.
    result text NOT NULL,
    by_user_id uuid NOT NULL CONSTRAINT scans_user_fkey REFERENCES users (id),
    undone_at timestamptz,
    undone_by uuid CONSTRAINT scans_undone_by_fkey REFERENCES users (id),
    -- The organizer's words; erased with the person.
    undo_reason text,
    -- SHA-256 of what was presented: the same scan, sent again, is told from another code under its name.
    code_hash bytea,
    CONSTRAINT scans_result_is_known CHECK (
        result IN ('admitted', 'duplicate', 'revoked', 'wrongEvent', 'notYetValid', 'eventCancelled', 'unknown')),
    CONSTRAINT scans_admitted_let_in CHECK (result <> 'admitted' OR (let_in AND registration_id IS NOT NULL)),
    CONSTRAINT scans_code_hash_is_sha256 CHECK (octet_length(code_hash) = 32)
);
-- Sent again, a scan is the same scan.
CREATE UNIQUE INDEX scans_once ON scans (event_id, coalesce(device, ''), scan_id) WHERE scan_id IS NOT NULL;
CREATE INDEX scans_by_event ON scans (event_id, received_at, id);
CREATE INDEX scans_admitting ON scans (registration_id) WHERE result = 'admitted';
-- Offline, somebody was let in whom the service would have refused.
CREATE INDEX scans_refused_later ON scans (event_id) WHERE is_offline AND let_in AND result <> 'admitted';

GRANT SELECT, INSERT, UPDATE, DELETE ON scans TO em_service;
