-- The public halves of the keys that sign tickets: each ticket-worker publishes its own before it signs with it. After a
-- change of keys the old one stays, for the tickets that it signed, until an administrator retires it.
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

GRANT SELECT, INSERT, UPDATE ON ticket_keys TO em_service;
