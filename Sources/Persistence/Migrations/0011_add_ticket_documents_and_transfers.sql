-- Printable tickets, as they were made on first demand. What they were made of is in the fingerprint: an edited event or a
-- new name makes another one. Whoever prunes them loses nothing but time.
CREATE TABLE ticket_documents (
    ticket_id uuid PRIMARY KEY CONSTRAINT ticket_documents_ticket_fkey REFERENCES tickets (id) ON DELETE CASCADE,
    -- SHA-256 over everything that is printed.
    fingerprint bytea NOT NULL,
    -- PDF, compressed in itself.
    content bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ticket_documents_fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32)
);
ALTER TABLE ticket_documents ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX ticket_documents_by_age ON ticket_documents (made_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON ticket_documents TO em_service;

-- Tickets on their way to somebody else: the holder names an address, whoever has the link in the mail to it accepts.
CREATE TABLE ticket_transfers (
    id uuid PRIMARY KEY,
    ticket_id uuid NOT NULL CONSTRAINT ticket_transfers_ticket_fkey REFERENCES tickets (id),
    registration_id uuid NOT NULL CONSTRAINT ticket_transfers_registration_fkey REFERENCES registrations (id),
    event_id uuid NOT NULL CONSTRAINT ticket_transfers_event_fkey REFERENCES events (id),
    from_user_id uuid NOT NULL CONSTRAINT ticket_transfers_from_fkey REFERENCES users (id),
    to_user_id uuid CONSTRAINT ticket_transfers_to_fkey REFERENCES users (id),
    -- Goes with the row when a person is erased.
    recipient_email text NOT NULL,
    status text NOT NULL DEFAULT 'offered',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT ticket_transfers_status_is_known CHECK (status IN ('offered', 'accepted', 'cancelled')),
    CONSTRAINT ticket_transfers_accepted_by_somebody CHECK (status <> 'accepted' OR to_user_id IS NOT NULL)
);
-- One offer at a time.
CREATE UNIQUE INDEX ticket_transfers_one_open ON ticket_transfers (registration_id) WHERE status = 'offered';
CREATE INDEX ticket_transfers_by_ticket ON ticket_transfers (ticket_id);

-- The links in mails about transfers. A token exists in its mail and nowhere else.
CREATE TABLE transfer_links (
    -- SHA-256 of the token: the table's content opens nothing.
    token_hash bytea PRIMARY KEY,
    transfer_id uuid NOT NULL CONSTRAINT transfer_links_transfer_fkey REFERENCES ticket_transfers (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    CONSTRAINT transfer_links_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
);
CREATE INDEX transfer_links_by_transfer ON transfer_links (transfer_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ticket_transfers, transfer_links TO em_service;
