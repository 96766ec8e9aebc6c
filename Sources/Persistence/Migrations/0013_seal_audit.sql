-- The audit log becomes a chain: each seal digests the row it seals and the seal before it, so that a row that was
-- changed, removed or moved is found (Sources/Persistence/AuditChain.swift says what exactly is digested).

-- What an entry says beyond ids stands beside it, under a salted digest in the row: a person's values can be erased and
-- the chain stays whole.
ALTER TABLE audit ADD COLUMN content_digest bytea
    CONSTRAINT audit_content_digest_is_sha256 CHECK (octet_length(content_digest) = 32);

CREATE TABLE audit_contents (
    audit_id bigint PRIMARY KEY,
    salt bytea NOT NULL,
    -- JSON, byte for byte as it was digested.
    content text NOT NULL,
    CONSTRAINT audit_contents_salt_is_long CHECK (octet_length(salt) >= 16)
);

CREATE TABLE audit_seals (
    -- Counts up by one: the order in which rows were sealed. Two sealers can't both write the same number.
    number bigint PRIMARY KEY,
    audit_id bigint NOT NULL CONSTRAINT audit_seals_once UNIQUE,
    digest bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_seals_number_positive CHECK (number > 0),
    CONSTRAINT audit_seals_digest_is_sha256 CHECK (octet_length(digest) = 32)
);

-- What the sealer still has to do: as small as its backlog. Filled by a trigger, so that no writer can leave it out;
-- entries wait for nobody, since no lock but their own rows' is taken with them.
CREATE TABLE audit_unsealed (audit_id bigint PRIMARY KEY);
INSERT INTO audit_unsealed SELECT id FROM audit;

CREATE FUNCTION await_audit_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_unsealed SELECT id FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_awaits_its_seal AFTER INSERT ON audit
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION await_audit_seal();

-- Erases what entries say about somebody: about their account, their registrations and tickets. Only so can the
-- services take anything away here, and the log says what was taken: the numbers of the entries stand in the row.
CREATE FUNCTION erase_audit_contents(person uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE erased bigint[];
BEGIN
    WITH gone AS (
        DELETE FROM audit_contents WHERE audit_id IN (
            SELECT a.id FROM audit a WHERE a.subject_id IN (
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
REVOKE ALL ON FUNCTION erase_audit_contents(uuid), await_audit_seal() FROM PUBLIC;

CREATE INDEX audit_by_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL;

-- Add and read, nothing else; and neither the number nor the time of an entry is the writer's to choose.
REVOKE INSERT ON audit FROM em_service;
GRANT INSERT (actor_id, action, subject_id, event_id, details, content_digest, trace_id) ON audit TO em_service;
GRANT SELECT, INSERT ON audit_contents, audit_seals TO em_service;
GRANT SELECT, DELETE ON audit_unsealed TO em_service;
GRANT EXECUTE ON FUNCTION erase_audit_contents(uuid) TO em_service;
