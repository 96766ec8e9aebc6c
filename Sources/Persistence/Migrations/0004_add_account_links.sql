-- When somebody followed the link in a mail to their address, or was vouched for by whoever made the account.
ALTER TABLE users ADD COLUMN email_verified_at timestamptz;

-- The links in mails about accounts, each good for one use. A token exists in its mail and nowhere else.
CREATE TABLE account_links (
    -- SHA-256 of the token: the table's content opens nothing.
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT account_links_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    purpose text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT account_links_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT account_links_purpose_is_known CHECK (purpose IN ('verifyEmail', 'resetPassword')),
    CONSTRAINT account_links_at_most_an_hour CHECK (expires_at <= created_at + interval '1 hour')
);
CREATE INDEX account_links_by_user ON account_links (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON account_links TO em_service;
