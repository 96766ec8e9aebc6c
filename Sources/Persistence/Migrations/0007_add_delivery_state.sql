-- What delivery remembers beside the outbox and the inbox.

-- Which partitions their relay looks at all the time for now, so that commits need not wake it: a NOTIFY holds a lock of
-- the whole server until its commit is on disk, which lets one commit through at a time (measured: decision record 0003). No row, or false: wake it. Unlogged: after a crash of the server nobody may rely on it.
CREATE UNLOGGED TABLE outbox_watch (
    partition smallint PRIMARY KEY,
    watched boolean NOT NULL
) WITH (fillfactor = 50);

CREATE OR REPLACE FUNCTION wake_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP TRIGGER outbox_wakes_the_relay ON outbox;
CREATE TRIGGER outbox_wakes_the_relay AFTER INSERT ON outbox
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION wake_outbox();

-- Messages that came back to a worker because the one before did not live to settle them, and how often they were
-- begun since. What kills its worker each time is known by this count; what was only near it is not.
CREATE TABLE suspects (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    starts integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);

-- Whether an operator replayed or discarded this dead letter before.
CREATE INDEX audit_by_subject ON audit (subject_id, id) WHERE subject_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_watch, suspects TO em_service;
