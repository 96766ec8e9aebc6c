-- What a webhook is owed, and how far it came. The message itself stands in the outbox.
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
    -- Until when one process has it in hand; one that dies leaves it to the others then.
    lease_until timestamptz,
    finished_at timestamptz,
    CONSTRAINT webhook_deliveries_status_is_known CHECK (status IN ('queued', 'retrying', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_is_due_or_over
        CHECK ((status IN ('delivered', 'failed')) = (next_attempt_at IS NULL))
) WITH (fillfactor = 80);
-- A message that comes again is planned once.
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (subscription_id, message_id) WHERE NOT is_extra;
-- What is due, by whom it is for: nobody's waiting row is read on the way to somebody else's.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (subscription_id, next_attempt_at, id)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_in_hand ON webhook_deliveries (subscription_id) WHERE lease_until IS NOT NULL;
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);

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

-- Tries that failed since the last that did not.
ALTER TABLE subscriptions ADD COLUMN failures integer NOT NULL DEFAULT 0;
-- Nothing is tried before; each time that the one try after it fails, the next rest is longer.
ALTER TABLE subscriptions ADD COLUMN resting_until timestamptz;
ALTER TABLE subscriptions ADD COLUMN rests integer NOT NULL DEFAULT 0;
-- The receiver took long for its last answers: until then it gets no more than those that fail.
ALTER TABLE subscriptions ADD COLUMN slow_until timestamptz;
CREATE INDEX subscriptions_webhooks ON subscriptions (user_id)
    WHERE delivery = 'webhook' AND status = 'active' AND ended_at IS NULL;

-- The facts of the outbox, for those who may read nothing else of it.
CREATE VIEW published_messages AS
    SELECT message_id, type, event_id, occurred_at, sequence, traceparent, data FROM outbox
    WHERE destination = 'events';

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries, webhook_attempts TO em_service;
GRANT SELECT, INSERT, UPDATE ON webhook_deliveries TO em_notifications;
GRANT SELECT, INSERT ON webhook_attempts TO em_notifications;
GRANT SELECT ON published_messages TO em_service, em_notifications;
GRANT UPDATE (failures, resting_until, rests, slow_until) ON subscriptions TO em_notifications;
