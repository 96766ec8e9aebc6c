-- Tickets: what a confirmed registration gets, the keys that sign them, how they are printed and given to somebody
-- else.

CREATE TABLE tickets (
    id uuid PRIMARY KEY,
    registration_id uuid NOT NULL CONSTRAINT tickets_registration_fkey REFERENCES registrations (id),
    event_id uuid NOT NULL CONSTRAINT tickets_event_fkey REFERENCES events (id),
    user_id uuid NOT NULL CONSTRAINT tickets_user_fkey REFERENCES users (id),
    code text NOT NULL,
    qr_text text NOT NULL,
    -- 1 for the first ticket of a registration, rising with each reissue.
    issue integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'valid',
    issued_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    -- Gates ask whether their list is still right by a hash over an event's tickets; a new name of a holder has to
    -- change it. Joining the holders instead costs ten times as much (250 ms beside half a million people), each time a
    -- gate asks.
    holder_renames int NOT NULL DEFAULT 0,
    -- The transaction that last changed it, so that a gate gets what changed since its list and no more.
    changed_in xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT tickets_code_unique UNIQUE (code),
    CONSTRAINT tickets_status_is_known CHECK (status IN ('valid', 'revoked'))
) WITH (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
-- One valid ticket per registration.
CREATE UNIQUE INDEX tickets_one_valid ON tickets (registration_id) WHERE status = 'valid';
CREATE INDEX tickets_by_registration ON tickets (registration_id);
CREATE INDEX tickets_by_user ON tickets (user_id);
-- An event's tickets page by page: to revoke them, to list them at a gate.
CREATE INDEX tickets_by_event_and_id ON tickets (event_id, id);
CREATE INDEX tickets_changed ON tickets (event_id, changed_in) WHERE changed_in IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON tickets TO em_service;
GRANT SELECT, INSERT ON tickets TO em_ticket_worker;
GRANT SELECT ON tickets TO em_notifications;

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END
$$;
CREATE TRIGGER tickets_note_rename BEFORE UPDATE OF holder_renames ON tickets
    FOR EACH ROW EXECUTE FUNCTION note_change();

-- Of a cancelled event all tickets read as revoked already: that its steps revoke them one by one changes nothing at a
-- gate.
CREATE FUNCTION note_ticket_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM events WHERE id = NEW.event_id AND status = 'cancelled') THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tickets_note_status BEFORE UPDATE OF status ON tickets
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION note_ticket_status();

-- The public halves of the keys that sign tickets: each ticket-worker publishes its own before it signs with it. After
-- a change of keys the old one stays, for the tickets that it signed, until an administrator retires it.
CREATE TABLE ticket_keys (
    -- What tickets call it by: the first four bytes of SHA-256 over the key, in hexadecimal digits.
    key_id text PRIMARY KEY,
    public_key bytea NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    -- When a ticket-worker last started with it.
    used_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    CONSTRAINT ticket_keys_id_is_hexadecimal CHECK (key_id ~ '^[0-9a-f]{8}$'),
    CONSTRAINT ticket_keys_key_is_ed25519 CHECK (octet_length(public_key) = 32)
);

-- Whoever can write a key here can make tickets that every gate lets in. Only ticket-worker has keys to publish;
-- api-service, which is reachable from outside, reads them.
GRANT SELECT ON ticket_keys TO em_service;
GRANT SELECT, INSERT, UPDATE ON ticket_keys TO em_ticket_worker;

-- Printable tickets, as they were made on first demand. What they were made of is in the fingerprint: an edited event
-- or a new name makes another one. Pruning them loses nothing but time.
CREATE TABLE ticket_documents (
    ticket_id uuid PRIMARY KEY CONSTRAINT ticket_documents_ticket_fkey REFERENCES tickets (id) ON DELETE CASCADE,
    -- SHA-256 over everything that is printed.
    fingerprint bytea NOT NULL,
    -- PDF, compressed in itself.
    content bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ticket_documents_fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32)
);
-- A statement of its own: CREATE TABLE can't say it before PostgreSQL 16.
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
    -- Erased with the person.
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
-- How often a registration went to somebody else: its calendar entry says so to those who had it before.
CREATE INDEX ticket_transfers_accepted ON ticket_transfers (registration_id) WHERE status = 'accepted';
CREATE INDEX ticket_transfers_by_ticket ON ticket_transfers (ticket_id);
-- What is exported and erased with an account, or goes with a draft.
CREATE INDEX ticket_transfers_by_giver ON ticket_transfers (from_user_id);
CREATE INDEX ticket_transfers_by_taker ON ticket_transfers (to_user_id) WHERE to_user_id IS NOT NULL;
CREATE INDEX ticket_transfers_by_address ON ticket_transfers (recipient_email);
CREATE INDEX ticket_transfers_by_event ON ticket_transfers (event_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ticket_transfers TO em_service;
GRANT SELECT ON ticket_transfers TO em_notifications;

-- The links in mails about transfers. A token is in its mail and nowhere else.
CREATE TABLE transfer_links (
    -- SHA-256 of the token: the table's content opens nothing.
    token_hash bytea PRIMARY KEY,
    transfer_id uuid NOT NULL
        CONSTRAINT transfer_links_transfer_fkey REFERENCES ticket_transfers (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    CONSTRAINT transfer_links_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
);
CREATE INDEX transfer_links_by_transfer ON transfer_links (transfer_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON transfer_links TO em_service;
GRANT SELECT, INSERT ON transfer_links TO em_notifications;
