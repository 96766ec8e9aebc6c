-- What signed in, in the browser's own words: only its owner sees it, in the list of their sessions.
ALTER TABLE sessions ADD COLUMN device text;
-- Who reads which sessions ended lately: every api-service, every second or two.
CREATE INDEX sessions_ended ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
-- Pruning takes the oldest first.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Together with the token itself (which stands nowhere) it gives the token that it was exchanged for: asked twice within
-- ten seconds, the answer is the same. Neither of the two alone gives anything.
ALTER TABLE refresh_tokens ADD COLUMN successor_salt bytea
    CONSTRAINT refresh_tokens_salt_is_long CHECK (octet_length(successor_salt) = 32);

-- When somebody had their account erased. The row stays, without a name: registrations and counts refer to it.
ALTER TABLE users ADD COLUMN deleted_at timestamptz;

-- A new address that waits for its confirmation; the newest wish of a person. The old one stays known for a while, so
-- that its owner can be told. Personal values: gone with the person, and pruned.
CREATE TABLE email_changes (
    user_id uuid PRIMARY KEY CONSTRAINT email_changes_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    old_email text NOT NULL,
    new_email text NOT NULL,
    requested_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    CONSTRAINT email_changes_new_is_lower_case CHECK (new_email = lower(new_email))
);
CREATE INDEX email_changes_by_age ON email_changes (requested_at);

-- A link confirms the address that its mail went to, and no other.
ALTER TABLE account_links ADD COLUMN email text;
ALTER TABLE account_links DROP CONSTRAINT account_links_purpose_is_known;
ALTER TABLE account_links ADD CONSTRAINT account_links_purpose_is_known
    CHECK (purpose IN ('verifyEmail', 'resetPassword', 'changeEmail'));
ALTER TABLE account_links ADD CONSTRAINT account_links_change_has_an_address
    CHECK (purpose <> 'changeEmail' OR email IS NOT NULL);

GRANT SELECT, INSERT, UPDATE, DELETE ON email_changes TO em_service;
