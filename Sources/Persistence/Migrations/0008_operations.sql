-- Operations: the audit log, and the messages that may kill whoever handles them.

-- Who did what; ids only. The services may add entries, never change or remove one. What an entry says beyond ids
-- stands beside it (audit_contents), under a salted digest in the row: a person's values can be erased and the chain
-- stays whole.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    action text NOT NULL,
    subject_id uuid,
    event_id uuid,
    details jsonb,
    trace_id text,
    content_digest bytea,
    CONSTRAINT audit_content_digest_is_sha256 CHECK (octet_length(content_digest) = 32)
);
CREATE INDEX audit_by_event ON audit (event_id, id);
CREATE INDEX audit_by_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL;
-- What was done to somebody or something, and whether an operator replayed or discarded a dead letter before.
CREATE INDEX audit_by_subject ON audit (subject_id, id) WHERE subject_id IS NOT NULL;
-- The log by what was done, and by when.
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_time ON audit (at, id);

-- Add and read, nothing else; and neither the number nor the time of an entry is the writer's to choose.
GRANT SELECT, INSERT (actor_id, action, subject_id, event_id, details, content_digest, trace_id) ON audit TO em_service;

CREATE TABLE audit_contents (
    audit_id bigint PRIMARY KEY,
    salt bytea NOT NULL,
    -- JSON, byte for byte as it was digested.
    content text NOT NULL,
    -- Where sign-ins and refusals came from stays in the log for a while only.
    expires_at timestamptz,
    CONSTRAINT audit_contents_salt_is_long CHECK (octet_length(salt) >= 16)
);
CREATE INDEX audit_contents_expiring ON audit_contents (expires_at) WHERE expires_at IS NOT NULL;

GRANT SELECT, INSERT ON audit_contents TO em_service;

-- The log is a chain: each seal digests the row it seals and the seal before it, so that a row that was changed,
-- removed or moved is found (Sources/Persistence/Operations/AuditChain.swift says what exactly is digested).
CREATE TABLE audit_seals (
    -- Counts up by one: the order in which rows were sealed. Two sealers can't both write the same number.
    number bigint PRIMARY KEY,
    audit_id bigint NOT NULL CONSTRAINT audit_seals_once UNIQUE,
    digest bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_seals_number_positive CHECK (number > 0),
    CONSTRAINT audit_seals_digest_is_sha256 CHECK (octet_length(digest) = 32)
);

GRANT SELECT, INSERT ON audit_seals TO em_service;

-- What the sealer still has to do: as small as its backlog. Filled by a trigger, so that no writer can leave it out;
-- entries wait for nobody, since no lock but their own rows' is taken with them.
CREATE TABLE audit_unsealed (audit_id bigint PRIMARY KEY);

GRANT SELECT, DELETE ON audit_unsealed TO em_service;

CREATE FUNCTION await_audit_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT id FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_awaits_its_seal AFTER INSERT ON audit
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION await_audit_seal();

-- Erases what entries say about somebody: about their account, their registrations and tickets, and what they did. Only
-- so can the services take anything away here, and the log says what was taken: the numbers of the entries are in the
-- row.
CREATE FUNCTION erase_audit_contents(person uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE erased bigint[];
BEGIN
    WITH gone AS (
        DELETE FROM audit_contents WHERE audit_id IN (
            -- Not what they did to other people's accounts as an admin.
            SELECT a.id FROM audit a
            WHERE a.actor_id = person AND NOT EXISTS (SELECT FROM users WHERE id = a.subject_id AND id <> person)
            UNION ALL SELECT a.id FROM audit a WHERE a.subject_id IN (
                SELECT person
                UNION ALL SELECT id FROM registrations WHERE user_id = person
                UNION ALL SELECT id FROM tickets WHERE user_id = person))
        RETURNING audit_id
    )
    SELECT coalesce(array_agg(audit_id ORDER BY audit_id), '{}') INTO erased FROM gone;
    INSERT INTO audit (action, subject_id, details)
    VALUES ('audit.contents-erased', person, jsonb_build_object('entries', to_jsonb(erased)));
    RETURN cardinality(erased);
END
$$;

-- Erases what has expired; the entries and the chain stay, and the log says what was taken, as with
-- erase_audit_contents.
CREATE FUNCTION erase_expired_audit_contents(at timestamptz, most integer) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE erased bigint[];
BEGIN
    WITH gone AS (
        DELETE FROM audit_contents WHERE audit_id IN (
            SELECT audit_id FROM audit_contents WHERE expires_at < at ORDER BY expires_at LIMIT most)
        RETURNING audit_id
    )
    SELECT coalesce(array_agg(audit_id ORDER BY audit_id), '{}') INTO erased FROM gone;
    IF cardinality(erased) > 0 THEN
        INSERT INTO audit (action, details)
        VALUES ('audit.contents-erased', jsonb_build_object('entries', to_jsonb(erased)));
    END IF;
    RETURN cardinality(erased);
END
$$;

REVOKE ALL ON FUNCTION await_audit_seal(), erase_audit_contents(uuid),
    erase_expired_audit_contents(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_audit_contents(uuid), erase_expired_audit_contents(timestamptz, integer) TO em_service;

-- Messages that came back to a worker because the one before did not live to settle them, and how often they were
-- begun since. What kills its worker each time is known by this count; what was only near it is not.
CREATE TABLE suspects (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    starts integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON suspects TO em_service, em_ticket_worker, em_notifications;

-- The migrator's own table, made before the first migration.
GRANT SELECT ON schema_migrations TO em_service;
