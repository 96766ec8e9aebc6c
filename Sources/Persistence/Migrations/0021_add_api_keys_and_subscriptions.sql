-- What a machine signs in with, on behalf of a person and within scopes. The key itself stands nowhere.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT api_keys_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- SHA-256 of the whole key: the table's content signs nobody in.
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    -- To the minute.
    last_used_at timestamptz,
    CONSTRAINT api_keys_hash_is_sha256 CHECK (octet_length(hash) = 32),
    CONSTRAINT api_keys_have_a_scope CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_keys_expire_after_they_begin CHECK (expires_at > created_at)
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at DESC, id DESC);

-- Who outside wants which messages, and how they get there.
CREATE TABLE subscriptions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT subscriptions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- 'own': of the events that the person owns; 'all': of every event, while they are an admin.
    scope text NOT NULL,
    -- 'em.ticket.issued', 'em.ticket.*' or '*'.
    types text[] NOT NULL,
    delivery text NOT NULL,
    url text,
    status text NOT NULL DEFAULT 'active',
    status_reason text,
    created_at timestamptz NOT NULL,
    -- SHA-256 of the queue's password, which is 32 random bytes: nobody guesses it, however fast the hash.
    password_hash bytea,
    -- The webhook's secret is derived from this number; the one before signs beside it for a day after the rotation.
    generation integer NOT NULL DEFAULT 1,
    rotated_at timestamptz,
    -- Since when no delivery arrived; NULL while the last one did.
    failing_since timestamptz,
    last_delivery_at timestamptz,
    -- Its person is gone: the row waits until its queue is gone too, and nobody sees it.
    ended_at timestamptz,
    CONSTRAINT subscriptions_scope_is_known CHECK (scope IN ('own', 'all')),
    CONSTRAINT subscriptions_have_a_type CHECK (cardinality(types) > 0),
    CONSTRAINT subscriptions_delivery_is_known CHECK (delivery IN ('queue', 'webhook')),
    CONSTRAINT subscriptions_webhook_has_a_url CHECK ((delivery = 'webhook') = (url IS NOT NULL)),
    CONSTRAINT subscriptions_status_is_known CHECK (status IN ('active', 'paused', 'disabled')),
    CONSTRAINT subscriptions_password_hash_is_sha256 CHECK (octet_length(password_hash) = 32)
);
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, created_at DESC, id DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys, subscriptions TO em_service;
-- notifications delivers webhooks and says how that goes.
GRANT SELECT ON subscriptions TO em_notifications;
GRANT UPDATE (status, status_reason, failing_since, last_delivery_at) ON subscriptions TO em_notifications;
