-- The answers to creating requests that carried an Idempotency-Key, written in the transaction of their effect. Kept for
-- 48 hours. An answer may name people, so the row goes with the person who asked.
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL CONSTRAINT idempotency_keys_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    key text NOT NULL,
    -- As in the route table, to tell what a row is about.
    route text NOT NULL,
    -- SHA-256 of method, path and body: the key is good for this request only.
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    body text NOT NULL,
    location text,
    etag text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- One effect per key, whoever is quicker.
    CONSTRAINT idempotency_keys_once PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_keys_key_length CHECK (octet_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_fingerprint_is_sha256 CHECK (octet_length(fingerprint) = 32),
    -- A refusal has no effect that must not be repeated.
    CONSTRAINT idempotency_keys_status_is_success CHECK (status BETWEEN 200 AND 299)
);
-- Pruning takes the oldest first.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

GRANT SELECT, INSERT, DELETE ON idempotency_keys TO em_service;
