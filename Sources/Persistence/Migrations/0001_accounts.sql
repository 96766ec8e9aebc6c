-- Accounts: people, how they sign in, what they want to be told. Before them, how every room searches texts.
--
-- The migrations run as em_owner. Each service has a role of its own that reads and writes rows and changes no table
-- (infra/postgres/roles.sql makes them): em_service is api-service's (and its commands'), em_ticket_worker,
-- em_notifications and em_ws_hub are the others'. A table's grants stand below it: what each service's work needs, and
-- no more.

-- Text search as people read: case, accents and width of letters don't count, ligatures are their letters.
CREATE EXTENSION IF NOT EXISTS unaccent;
-- For indexes of three letters each, which find a few rows among a million by some letters in them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- A text as it is searched. The dictionary is named with its schema, so that the function may be called immutable.
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT lower(public.unaccent('public.unaccent'::regdictionary, lower(normalize($1, NFKC))))
$$;

-- Whether each of the words is somewhere in the text.
CREATE FUNCTION has_words(searched text, words text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT bool_and(position(public.folded(word) IN hay) > 0)
    FROM (SELECT public.folded(searched) AS hay OFFSET 0) once, unnest(words) AS word
$$;

-- What LIKE has to be given to find a text as it is searched.
CREATE FUNCTION pattern_of(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(public.folded($1), '([\\%_])', '\\\1', 'g')
$$;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'user',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the person followed the link in a mail to the address, or was vouched for by whoever made the account.
    email_verified_at timestamptz,
    -- When the account was erased. The row stays, without a name: registrations and counts refer to it.
    deleted_at timestamptz,
    -- In which the person is written to.
    language text NOT NULL DEFAULT 'en',
    -- Since when an admin has barred the person from signing in.
    locked_at timestamptz,
    CONSTRAINT users_email_unique UNIQUE (email),
    CONSTRAINT users_email_is_lower_case CHECK (email = lower(email)),
    CONSTRAINT users_role_is_known CHECK (role IN ('user', 'organizer', 'admin')),
    CONSTRAINT users_language_is_known CHECK (language IN ('en', 'de'))
);
-- The administrators' list of people, its search, and the administrators themselves.
CREATE INDEX users_by_age ON users (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_letters
    ON users USING gin (folded(email || ' ' || display_name) gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE INDEX users_admins ON users (id) WHERE role = 'admin';

GRANT SELECT, INSERT, UPDATE, DELETE ON users TO em_service;
GRANT SELECT (id, email, display_name, role, created_at, email_verified_at, deleted_at, language, locked_at)
    ON users TO em_notifications;
GRANT SELECT (id, role, display_name, locked_at) ON users TO em_ws_hub;

-- A sign-in: the family of refresh tokens that grew from it. Revoked as a whole.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    -- What signed in, in the browser's own words: only its owner sees it, in the list of their sessions.
    device text,
    -- When the person last proved who they are: by signing in, or by their password since.
    authenticated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_by_user ON sessions (user_id);
-- Which sessions ended lately: every api-service asks, every second or two.
CREATE INDEX sessions_ended ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
-- Pruning takes the oldest first.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO em_service;
GRANT SELECT (id, user_id, expires_at, revoked_at) ON sessions TO em_ws_hub;

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token: the table's content signs nobody in.
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT refresh_tokens_session_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL DEFAULT now(),
    -- When it was exchanged for its successor; a later use is theft.
    used_at timestamptz,
    -- Together with the token itself (which is stored nowhere) it gives the token that it was exchanged for: asked
    -- twice within ten seconds, the answer is the same. Neither of the two alone gives anything.
    successor_salt bytea,
    CONSTRAINT refresh_tokens_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT refresh_tokens_salt_is_long CHECK (octet_length(successor_salt) = 32)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO em_service;

-- The links in mails about accounts, each good for one use. A token is in its mail and nowhere else.
CREATE TABLE account_links (
    -- SHA-256 of the token: the table's content opens nothing.
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT account_links_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    purpose text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    -- A link confirms the address that its mail went to, and no other.
    email text,
    -- The link of the mail that a sign-up caused: the first proof of an address ends what was made before it, but for
    -- the sign-up whose own link it is.
    keeps_sign_up boolean NOT NULL DEFAULT false,
    CONSTRAINT account_links_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT account_links_purpose_is_known
        CHECK (purpose IN ('verifyEmail', 'resetPassword', 'changeEmail', 'signIn')),
    CONSTRAINT account_links_at_most_an_hour CHECK (expires_at <= created_at + interval '1 hour'),
    CONSTRAINT account_links_change_has_an_address CHECK (purpose <> 'changeEmail' OR email IS NOT NULL)
);
CREATE INDEX account_links_by_user ON account_links (user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON account_links TO em_service;
-- It makes the links in its mails.
GRANT SELECT, INSERT, DELETE ON account_links TO em_notifications;

-- A new address that waits for its confirmation; the newest request of a person. The old one stays known for a while,
-- so that its owner can be told. Personal values: gone with the person, and pruned.
CREATE TABLE email_changes (
    user_id uuid PRIMARY KEY CONSTRAINT email_changes_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    old_email text NOT NULL,
    new_email text NOT NULL,
    requested_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    CONSTRAINT email_changes_new_is_lower_case CHECK (new_email = lower(new_email))
);
CREATE INDEX email_changes_by_age ON email_changes (requested_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON email_changes TO em_service;
GRANT SELECT ON email_changes TO em_notifications;

-- What a program signs in with, on behalf of a person and within scopes. The key itself is stored nowhere.
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
    -- Those that it was used from, the latest last: the use from another one is on record.
    networks text[] NOT NULL DEFAULT '{}',
    CONSTRAINT api_keys_hash_is_sha256 CHECK (octet_length(hash) = 32),
    CONSTRAINT api_keys_have_a_scope CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_keys_expire_after_they_begin CHECK (expires_at > created_at)
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created_at DESC, id DESC);
-- By when they ended: pruning takes the oldest first.
CREATE INDEX api_keys_by_end ON api_keys (least(expires_at, revoked_at));

GRANT SELECT, INSERT, UPDATE, DELETE ON api_keys TO em_service;

-- What a person wants to be told, by topic; without a row everything.
CREATE TABLE notification_preferences (
    user_id uuid NOT NULL CONSTRAINT notification_preferences_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    topic text NOT NULL,
    mail boolean NOT NULL DEFAULT true,
    in_app boolean NOT NULL DEFAULT true,
    PRIMARY KEY (user_id, topic),
    CONSTRAINT notification_preferences_topic_is_known
        CHECK (topic IN ('registrations', 'eventChanges', 'announcements', 'reminders')),
    -- What was agreed with the registration is always mailed.
    CONSTRAINT notification_preferences_some_mails_stay CHECK (mail OR topic IN ('announcements', 'reminders'))
);
-- Who wants no mails of a topic.
CREATE INDEX notification_preferences_unwanted ON notification_preferences (topic, user_id) WHERE NOT mail;

GRANT SELECT, INSERT, UPDATE, DELETE ON notification_preferences TO em_service;
GRANT SELECT ON notification_preferences TO em_notifications;

-- Links that end a person's mails of one topic; each mail has its own.
CREATE TABLE unsubscribe_links (
    -- SHA-256 of the token, as everywhere.
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT unsubscribe_links_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    topic text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT unsubscribe_links_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT unsubscribe_links_topic_is_known CHECK (topic IN ('announcements', 'reminders'))
);
CREATE INDEX unsubscribe_links_by_user ON unsubscribe_links (user_id);
-- Pruning takes the oldest first.
CREATE INDEX unsubscribe_links_by_age ON unsubscribe_links (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON unsubscribe_links TO em_service;
GRANT INSERT ON unsubscribe_links TO em_notifications;
