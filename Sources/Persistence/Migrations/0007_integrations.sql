-- Integrations: who outside gets which messages, and the webhooks that take them there.

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
    -- Tries that failed since the last that did not.
    failures integer NOT NULL DEFAULT 0,
    -- The back-off: nothing is tried before; each time that the one try after it fails, the next is longer.
    resting_until timestamptz,
    rests integer NOT NULL DEFAULT 0,
    -- The receiver took long for its last answers: until then it gets no more than those that fail.
    slow_until timestamptz,
    -- What the broker may still have the queue bound by, and shall not: noted with the edit, and forgotten once the
    -- broker has said that it is unbound. Whoever edits and dies, or finds the broker unreachable, leaves it to the
    -- others.
    former_types text[] NOT NULL DEFAULT '{}',
    CONSTRAINT subscriptions_scope_is_known CHECK (scope IN ('own', 'all')),
    CONSTRAINT subscriptions_have_a_type CHECK (cardinality(types) > 0),
    CONSTRAINT subscriptions_delivery_is_known CHECK (delivery IN ('queue', 'webhook')),
    CONSTRAINT subscriptions_webhook_has_a_url CHECK ((delivery = 'webhook') = (url IS NOT NULL)),
    CONSTRAINT subscriptions_status_is_known CHECK (status IN ('active', 'paused', 'disabled')),
    CONSTRAINT subscriptions_password_hash_is_sha256 CHECK (octet_length(password_hash) = 32)
);
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, created_at DESC, id DESC);
CREATE INDEX subscriptions_webhooks ON subscriptions (user_id)
    WHERE delivery = 'webhook' AND status = 'active' AND ended_at IS NULL;
-- Webhooks for every event's facts: few.
CREATE INDEX subscriptions_webhooks_of_all ON subscriptions (id)
    WHERE delivery = 'webhook' AND status = 'active' AND ended_at IS NULL AND scope = 'all';

GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions TO em_service;
-- notifications delivers webhooks and says how that goes.
GRANT SELECT, UPDATE (status, status_reason, failing_since, last_delivery_at, failures, resting_until, rests,
    slow_until) ON subscriptions TO em_notifications;

-- What a webhook is owed, and how far it came. The message itself is in the outbox.
CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    subscription_id uuid NOT NULL
        CONSTRAINT webhook_deliveries_subscription_fkey REFERENCES subscriptions (id) ON DELETE CASCADE,
    message_id uuid NOT NULL,
    -- Of the message; a test has neither.
    event_id uuid,
    sequence bigint,
    type text NOT NULL,
    -- Somebody asked for it: a test, or a message once more.
    is_extra boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'queued',
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    -- NULL once it is over.
    next_attempt_at timestamptz,
    -- Until when one process has it in flight; one that dies leaves it to the others then.
    lease_until timestamptz,
    finished_at timestamptz,
    CONSTRAINT webhook_deliveries_status_is_known CHECK (status IN ('queued', 'retrying', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_is_due_or_over
        CHECK ((status IN ('delivered', 'failed')) = (next_attempt_at IS NULL))
) WITH (
    fillfactor = 80,
    -- As of registrations.
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000
);
-- A message that comes again is planned once.
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (subscription_id, message_id) WHERE NOT is_extra;
-- What is due, by whom it is for: nobody's waiting row is read on the way to somebody else's.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (subscription_id, next_attempt_at, id)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_in_hand ON webhook_deliveries (subscription_id) WHERE lease_until IS NOT NULL;
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription_id, created_at DESC, id DESC);
-- Those that wait or failed: the few among all that arrived.
CREATE INDEX webhook_deliveries_not_delivered
    ON webhook_deliveries (subscription_id, status, created_at, id) WHERE status <> 'delivered';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO em_service;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO em_notifications;

-- What each attempt came to: the receiver's status and the beginning of its words, or why there was no answer.
CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL
        CONSTRAINT webhook_attempts_delivery_fkey REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    status integer,
    duration_ms integer NOT NULL,
    error text,
    excerpt text,
    PRIMARY KEY (delivery_id, id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_attempts TO em_service;
GRANT SELECT, INSERT ON webhook_attempts TO em_notifications;
