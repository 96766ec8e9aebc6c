-- The first schema. Runs as the owner role; the services run as em_service, which may read and write rows but not
-- change a table (infra/postgres/roles.sql makes both roles).

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'user',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_unique UNIQUE (email),
    CONSTRAINT users_email_is_lower_case CHECK (email = lower(email)),
    CONSTRAINT users_role_is_known CHECK (role IN ('user', 'organizer', 'admin'))
);

-- A sign-in: the family of refresh tokens that grew from it. Revoked as a whole.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT sessions_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token: the table's content signs nobody in.
    token_hash bytea PRIMARY KEY,
    session_id uuid NOT NULL CONSTRAINT refresh_tokens_session_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at timestamptz NOT NULL DEFAULT now(),
    -- When it was exchanged for its successor; a later use is theft.
    used_at timestamptz,
    CONSTRAINT refresh_tokens_hash_is_sha256 CHECK (octet_length(token_hash) = 32)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE events (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT events_owner_fkey REFERENCES users (id),
    title text NOT NULL,
    description text NOT NULL,
    venue text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    waitlist_enabled boolean NOT NULL DEFAULT false,
    registration_opens_at timestamptz,
    registration_closes_at timestamptz,
    check_in_opens_at timestamptz,
    status text NOT NULL DEFAULT 'draft',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    cancelled_at timestamptz,
    CONSTRAINT events_status_is_known CHECK (status IN ('draft', 'published', 'cancelled')),
    CONSTRAINT events_end_after_start CHECK (ends_at > starts_at)
);
-- The public list: by start, then id, of what is published.
CREATE INDEX events_published_by_start ON events (starts_at, id) WHERE status = 'published';
CREATE INDEX events_by_owner ON events (owner_id, starts_at, id);

-- The places of an event: the one row that every path that takes or gives a place goes through, and that nothing
-- else locks. Kept apart from the event so that an edit of its title waits for nobody, and small so that updates stay
-- within the page (no index but the key: heap-only updates; the fill factor leaves them room).
CREATE TABLE event_places (
    event_id uuid PRIMARY KEY CONSTRAINT event_places_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    capacity integer NOT NULL,
    confirmed integer NOT NULL DEFAULT 0,
    waitlisted integer NOT NULL DEFAULT 0,
    -- Rises with every change of this row, so that of two states the newer is known.
    revision bigint NOT NULL DEFAULT 0,
    -- The last number drawn by somebody who joined the line.
    last_line_number bigint NOT NULL DEFAULT 0,
    CONSTRAINT event_places_never_oversold CHECK (confirmed <= capacity),
    CONSTRAINT event_places_confirmed_not_negative CHECK (confirmed >= 0),
    CONSTRAINT event_places_waitlisted_not_negative CHECK (waitlisted >= 0),
    CONSTRAINT event_places_capacity_in_range CHECK (capacity BETWEEN 1 AND 1000000)
) WITH (fillfactor = 50);

CREATE TABLE event_members (
    event_id uuid NOT NULL CONSTRAINT event_members_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT event_members_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id),
    CONSTRAINT event_members_role_is_known CHECK (role IN ('owner', 'coOrganizer', 'checkInStaff'))
);
CREATE INDEX event_members_by_user ON event_members (user_id);

CREATE TABLE registrations (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT registrations_event_fkey REFERENCES events (id),
    user_id uuid NOT NULL CONSTRAINT registrations_user_fkey REFERENCES users (id),
    status text NOT NULL,
    -- The number drawn in line; kept after promotion.
    line_number bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    cancelled_at timestamptz,
    CONSTRAINT registrations_status_is_known CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    CONSTRAINT registrations_waitlisted_have_a_number CHECK (status <> 'waitlisted' OR line_number IS NOT NULL)
);
-- One active registration per person and event.
CREATE UNIQUE INDEX registrations_one_active ON registrations (event_id, user_id) WHERE status <> 'cancelled';
-- The line, in order.
CREATE UNIQUE INDEX registrations_line ON registrations (event_id, line_number) WHERE status = 'waitlisted';
CREATE INDEX registrations_by_event ON registrations (event_id, created_at, id);
CREATE INDEX registrations_by_user ON registrations (user_id, created_at, id);

CREATE TABLE tickets (
    id uuid PRIMARY KEY,
    registration_id uuid NOT NULL CONSTRAINT tickets_registration_fkey REFERENCES registrations (id),
    event_id uuid NOT NULL CONSTRAINT tickets_event_fkey REFERENCES events (id),
    user_id uuid NOT NULL CONSTRAINT tickets_user_fkey REFERENCES users (id),
    code text NOT NULL,
    qr_text text NOT NULL,
    -- 1 for the first ticket of a registration, rising with each reissue.
    issue integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'valid',
    issued_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT tickets_code_unique UNIQUE (code),
    CONSTRAINT tickets_status_is_known CHECK (status IN ('valid', 'revoked'))
);
-- One valid ticket per registration.
CREATE UNIQUE INDEX tickets_one_valid ON tickets (registration_id) WHERE status = 'valid';
CREATE INDEX tickets_by_registration ON tickets (registration_id);

CREATE TABLE check_ins (
    id uuid PRIMARY KEY,
    ticket_id uuid NOT NULL CONSTRAINT check_ins_ticket_fkey REFERENCES tickets (id),
    event_id uuid NOT NULL CONSTRAINT check_ins_event_fkey REFERENCES events (id),
    registration_id uuid NOT NULL CONSTRAINT check_ins_registration_fkey REFERENCES registrations (id),
    at timestamptz NOT NULL DEFAULT now(),
    gate text,
    device text,
    -- The device's own name for the scan: sent again, it gets the same answer.
    scan_id text,
    by_user_id uuid NOT NULL CONSTRAINT check_ins_user_fkey REFERENCES users (id),
    -- One admission per ticket, whoever scans at the same moment.
    CONSTRAINT check_ins_once UNIQUE (ticket_id)
);
CREATE INDEX check_ins_by_event ON check_ins (event_id, at);

CREATE TABLE announcements (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT announcements_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    author_id uuid NOT NULL CONSTRAINT announcements_author_fkey REFERENCES users (id),
    title text NOT NULL,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX announcements_by_event ON announcements (event_id, at DESC, id DESC);

-- What somebody is owed by mail, and how far it came.
CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT notifications_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    event_id uuid CONSTRAINT notifications_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    registration_id uuid CONSTRAINT notifications_registration_fkey REFERENCES registrations (id),
    ticket_id uuid CONSTRAINT notifications_ticket_fkey REFERENCES tickets (id),
    -- The message that it answers.
    cause_id uuid NOT NULL,
    kind text NOT NULL,
    -- What the template needs beyond the rows it reads, such as what an edit changed.
    details jsonb,
    channel text NOT NULL DEFAULT 'email',
    status text NOT NULL DEFAULT 'queued',
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    next_attempt_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    -- A message redelivered plans nothing twice.
    CONSTRAINT notifications_once UNIQUE (cause_id, user_id, channel),
    CONSTRAINT notifications_status_is_known CHECK (status IN ('queued', 'retrying', 'sent', 'failed'))
);
CREATE INDEX notifications_by_user ON notifications (user_id, created_at, id);
CREATE INDEX notifications_by_event ON notifications (event_id, created_at, id);

-- What is still to be told, written in the transaction that made it true. Rows stay as the event log.
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
    CONSTRAINT outbox_message_unique UNIQUE (message_id),
    CONSTRAINT outbox_partition_in_range CHECK (partition BETWEEN 0 AND 15),
    CONSTRAINT outbox_destination_is_known CHECK (destination IN ('events', 'work', 'live'))
);
-- What the two loops of the relay still have to do; both stay as small as the backlog.
CREATE INDEX outbox_to_publish ON outbox (partition, id) WHERE published_at IS NULL;
CREATE INDEX outbox_to_show ON outbox (partition, id) WHERE live_at IS NULL;
CREATE UNIQUE INDEX outbox_sequence ON outbox (event_id, sequence) WHERE sequence IS NOT NULL;

CREATE TABLE outbox_sequences (
    event_id uuid PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 70);

-- A NOTIFY is sent at commit, once per statement: the relay wakes up without polling.
CREATE FUNCTION wake_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('em_outbox', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER outbox_wakes_the_relay AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION wake_outbox();

-- Which consumer has had which message: written with the effect.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
CREATE INDEX inbox_by_age ON inbox (processed_at);

-- Who did what; ids only. The running role may add, never change.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    action text NOT NULL,
    subject_id uuid,
    event_id uuid,
    details jsonb,
    trace_id text
);
CREATE INDEX audit_by_event ON audit (event_id, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON users, sessions, refresh_tokens, events, event_places, event_members,
    registrations, tickets, check_ins, announcements, notifications, outbox, outbox_sequences, inbox TO em_service;
GRANT SELECT, INSERT ON audit TO em_service;
GRANT SELECT ON schema_migrations TO em_service;
