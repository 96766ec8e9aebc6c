-- When somebody last showed that they are the one who signed in: by signing in, or by their password since.
ALTER TABLE sessions ADD COLUMN authenticated_at timestamptz;
UPDATE sessions SET authenticated_at = created_at;
ALTER TABLE sessions ALTER COLUMN authenticated_at SET DEFAULT now();
ALTER TABLE sessions ALTER COLUMN authenticated_at SET NOT NULL;

-- Since when an admin keeps somebody out.
ALTER TABLE users ADD COLUMN locked_at timestamptz;

-- The link of the mail that a sign-up caused: the first proof of an address ends what was made before it, but for the
-- sign-up whose own link it is.
ALTER TABLE account_links ADD COLUMN keeps_sign_up boolean NOT NULL DEFAULT false;
ALTER TABLE account_links DROP CONSTRAINT account_links_purpose_is_known;
ALTER TABLE account_links ADD CONSTRAINT account_links_purpose_is_known
    CHECK (purpose IN ('verifyEmail', 'resetPassword', 'changeEmail', 'signIn'));

-- A place in an event's team, given to an address that its account has not proven yet: it takes effect with the proof.
CREATE TABLE event_member_offers (
    event_id uuid NOT NULL CONSTRAINT event_member_offers_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT event_member_offers_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- What is to be proven: nothing is given to the account's next address.
    email text NOT NULL,
    role text NOT NULL,
    offered_by uuid NOT NULL CONSTRAINT event_member_offers_offered_by_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id),
    CONSTRAINT event_member_offers_role_is_known CHECK (role IN ('coOrganizer', 'checkInStaff'))
);
CREATE INDEX event_member_offers_by_user ON event_member_offers (user_id);
CREATE INDEX event_member_offers_by_sender ON event_member_offers (offered_by);
GRANT SELECT, INSERT, UPDATE, DELETE ON event_member_offers TO em_service;

-- Networks that an API key was used from, the latest last: the use from another one is on record.
ALTER TABLE api_keys ADD COLUMN networks text[] NOT NULL DEFAULT '{}';

GRANT SELECT (locked_at) ON users TO em_ws_hub, em_notifications;

-- Where sign-ins and refusals came from stands in the log for a while only.
ALTER TABLE audit_contents ADD COLUMN expires_at timestamptz;
CREATE INDEX audit_contents_expiring ON audit_contents (expires_at) WHERE expires_at IS NOT NULL;

-- Erases what has expired; the entries and the chain stay, and the log says what was taken, as with erase_audit_contents.
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
REVOKE ALL ON FUNCTION erase_expired_audit_contents(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_expired_audit_contents(timestamptz, integer) TO em_service;

-- What an erased person wrote elsewhere is theirs too, not only what was written about them.
CREATE OR REPLACE FUNCTION erase_audit_contents(person uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
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
