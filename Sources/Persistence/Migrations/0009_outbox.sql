-- The outbox and what makes an effect happen once: messages to publish, messages handled, requests answered.

-- What is to be published or shown, written in the transaction that made it true. Facts stay as the event log.
--
-- Each row is written three times (added, numbered, published), each time into every index. Nobody looks for a message
-- by its id, and ids are drawn, not chosen: what keeps them apart is chance, as for every other UUID, and no
-- constraint.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    -- Rows of one event share a partition, and a partition has one relay at a time: the order per event.
    partition smallint NOT NULL,
    destination text NOT NULL,
    type text NOT NULL,
    event_id uuid,
    owner_id uuid,
    data jsonb NOT NULL,
    traceparent text,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    -- Counts up by one per event; given by the relay before the first publish. Only facts have one.
    sequence bigint,
    published_at timestamptz,
    live_at timestamptz,
    -- What a worker's queue had lost is published again for the workers alone.
    is_repeated boolean NOT NULL DEFAULT false,
    CONSTRAINT outbox_partition_in_range CHECK (partition BETWEEN 0 AND 15),
    CONSTRAINT outbox_destination_is_known CHECK (destination IN ('events', 'work', 'live'))
) WITH (
    -- As of registrations.
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000
);
-- What the two loops of the relay still have to do; both stay as small as the backlog.
CREATE INDEX outbox_to_publish ON outbox (partition, id) WHERE published_at IS NULL;
CREATE INDEX outbox_to_show ON outbox (partition, id) WHERE live_at IS NULL;
CREATE UNIQUE INDEX outbox_sequence ON outbox (event_id, sequence) WHERE sequence IS NOT NULL;
-- Facts that were published without a number: there are none, and the check need not read the log to see that.
CREATE INDEX outbox_unnumbered ON outbox (id)
    WHERE destination = 'events' AND sequence IS NULL AND published_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO em_service;
GRANT INSERT ON outbox TO em_ticket_worker, em_notifications;

-- The facts of the outbox, for those who may read nothing else of it.
CREATE VIEW published_messages AS
    SELECT message_id, type, event_id, occurred_at, sequence, traceparent, data FROM outbox
    WHERE destination = 'events';

GRANT SELECT ON published_messages TO em_service, em_notifications;

CREATE TABLE outbox_sequences (
    event_id uuid PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 70);

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_sequences TO em_service;

-- Which partitions their relay polls all the time for now, so that commits need not wake it: a NOTIFY holds a lock of
-- the whole server until its commit is on disk, which lets one commit through at a time (measured: decision record
-- 0003). No row, or false: wake it. Unlogged: after a crash of the server nobody may rely on it.
CREATE UNLOGGED TABLE outbox_watch (
    partition smallint PRIMARY KEY,
    watched boolean NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_watch TO em_service;
GRANT SELECT ON outbox_watch TO em_ticket_worker, em_notifications;

-- A NOTIFY is sent at commit, once per statement: the relay wakes up before its next poll.
CREATE FUNCTION wake_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A statement of a READ COMMITTED transaction sees what was committed before it: whoever does not see that a relay
    -- stopped watching has a number below the one that the relay waits for (OutboxStore.stopWatching).
    IF EXISTS (
        SELECT FROM added LEFT JOIN outbox_watch watch USING (partition) WHERE watch.watched IS NOT TRUE
    ) THEN
        PERFORM pg_notify('em_outbox', '');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_wakes_the_relay AFTER INSERT ON outbox
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION wake_outbox();

-- How far the outbox is rid of what was done: jobs and live updates, between the facts that stay as the event log.
CREATE TABLE outbox_pruning (
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT outbox_pruning_has_one_row CHECK (is_only),
    last_id bigint NOT NULL
);
INSERT INTO outbox_pruning (last_id) VALUES (0);

GRANT SELECT, UPDATE ON outbox_pruning TO em_service;

-- Which consumer has had which message: written with the effect.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
) WITH (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX inbox_by_age ON inbox (processed_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON inbox TO em_service;
GRANT SELECT, INSERT ON inbox TO em_ticket_worker, em_notifications;

-- The answers to creating requests that carried an Idempotency-Key, written in the transaction of their effect. Kept
-- for 48 hours. An answer may name people, so the row goes with the person who asked.
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
