-- Notifications: what people are owed by mail and in the product, announcements and mailings, and how mails are sent.

CREATE TABLE announcements (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT announcements_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    author_id uuid NOT NULL CONSTRAINT announcements_author_fkey REFERENCES users (id),
    title text NOT NULL,
    body text NOT NULL,
    -- When it was posted, or is to be.
    at timestamptz NOT NULL DEFAULT now(),
    audience text NOT NULL DEFAULT 'all',
    status text NOT NULL DEFAULT 'posted',
    CONSTRAINT announcements_audience_is_known CHECK (audience IN ('all', 'confirmed', 'waitlisted', 'checkedIn')),
    CONSTRAINT announcements_status_is_known CHECK (status IN ('scheduled', 'posted', 'cancelled'))
);
CREATE INDEX announcements_by_event ON announcements (event_id, at DESC, id DESC);
CREATE INDEX announcements_by_author ON announcements (author_id);
-- Those whose time has not come.
CREATE INDEX announcements_scheduled ON announcements (id) WHERE status = 'scheduled';

GRANT SELECT, INSERT, UPDATE, DELETE ON announcements TO em_service;
GRANT SELECT, UPDATE (status, at) ON announcements TO em_notifications;
GRANT SELECT ON announcements TO em_ws_hub;

-- What goes to everybody at an event, or to some of them. The notifications are planned step by step: each step's
-- transaction moves the cursor, and leaves the next step's message in the outbox.
CREATE TABLE mailings (
    -- The cause of its notifications; the id of the announcement or of the message that it comes from.
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT mailings_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    kind text NOT NULL,
    audience text NOT NULL,
    -- What the templates need beyond the rows they read.
    details jsonb,
    status text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When it starts, or started: who registers later is not meant.
    at timestamptz NOT NULL,
    -- How many it was for when it started.
    recipients integer NOT NULL DEFAULT 0,
    -- How many notifications there are of it so far, and the last registration looked at.
    planned integer NOT NULL DEFAULT 0,
    last_at timestamptz,
    last_id uuid,
    -- When nothing of it waited any more.
    done_at timestamptz,
    CONSTRAINT mailings_audience_is_known CHECK (audience IN ('all', 'confirmed', 'waitlisted', 'checkedIn')),
    CONSTRAINT mailings_status_is_known
        CHECK (status IN ('scheduled', 'planning', 'sending', 'done', 'cancelled')),
    CONSTRAINT mailings_cursor_is_whole CHECK ((last_at IS NULL) = (last_id IS NULL))
);
CREATE INDEX mailings_by_event ON mailings (event_id, at DESC, id DESC);
-- What has to be looked at as time passes: few.
CREATE INDEX mailings_open ON mailings (at) WHERE status IN ('scheduled', 'sending');

GRANT SELECT, INSERT, UPDATE ON mailings TO em_service, em_notifications;
GRANT SELECT ON mailings TO em_ws_hub;

-- What somebody is owed by mail or in the product, and how far it came. Mails go by leases: whoever sends one has it
-- for a while, and no transaction is open meanwhile. What failed waits in its row until it is due, and not in the
-- broker: however many messages ask for it, it is tried when its time has come.
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
    -- Whether it is in the person's list, and when it was read there.
    in_app boolean NOT NULL DEFAULT true,
    read_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    -- Failed attempts since it was planned, or since it was last asked for again; and those of which nobody knows what
    -- became of them.
    tries integer NOT NULL DEFAULT 0,
    unknown_tries integer NOT NULL DEFAULT 0,
    -- When it is asked for again: because its time has come, because its worker has died, or because nothing came of
    -- it.
    ask_at timestamptz,
    -- When the mail server last refused us while it had this mail.
    blamed_us_at timestamptz,
    -- A message redelivered plans nothing twice.
    CONSTRAINT notifications_once UNIQUE (cause_id, user_id, channel),
    CONSTRAINT notifications_status_is_known CHECK (status IN ('queued', 'retrying', 'sent', 'failed', 'muted'))
) WITH (
    -- As of registrations.
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000
);
CREATE INDEX notifications_by_user ON notifications (user_id, created_at, id);
-- A registration's mails, the newest first.
CREATE INDEX notifications_by_registration
    ON notifications (registration_id, created_at, id) WHERE registration_id IS NOT NULL;
-- They are read by their registration, their cause or their person; by the event only those go that went with a draft.
-- An index of the event alone is a tenth as large as one in the order of a list.
CREATE INDEX notifications_of_event ON notifications (event_id);
-- What could not be delivered, among everything that could: the organizer's dashboard counts it again and again.
CREATE INDEX notifications_in_trouble ON notifications (event_id) WHERE status IN ('retrying', 'failed');
-- How many wait, and since when: of an event, and of all.
CREATE INDEX notifications_unsent ON notifications (event_id, created_at) WHERE status IN ('queued', 'retrying');
-- What a mailing still has to send.
CREATE INDEX notifications_unsent_by_cause ON notifications (cause_id) WHERE status IN ('queued', 'retrying');
CREATE INDEX notifications_to_ask_for ON notifications (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX notifications_unread ON notifications (user_id)
    WHERE read_at IS NULL AND in_app AND event_id IS NOT NULL;
-- What is about no event and is shown in the product all the same: few rows, counted with every look at the bell.
CREATE INDEX notifications_unread_of_subscriptions ON notifications (user_id)
    WHERE read_at IS NULL AND kind = 'subscription.paused';

GRANT SELECT, INSERT, UPDATE, DELETE ON notifications TO em_service;
GRANT SELECT, INSERT, UPDATE ON notifications TO em_notifications;
GRANT SELECT (id, user_id, event_id, cause_id, kind, status, attempts, created_at) ON notifications TO em_ws_hub;

-- What became of each attempt to hand a mail over: the server's own words, or why it was not tried.
CREATE TABLE delivery_attempts (
    notification_id uuid NOT NULL
        CONSTRAINT delivery_attempts_notification_fkey REFERENCES notifications (id) ON DELETE CASCADE,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    detail text,
    next_attempt_at timestamptz,
    PRIMARY KEY (notification_id, id),
    CONSTRAINT delivery_attempts_outcome_is_known
        CHECK (outcome IN ('accepted', 'deferred', 'failed', 'dropped', 'muted'))
);
-- Attempts are kept for as long as the event log: pruning takes the oldest first.
CREATE INDEX delivery_attempts_by_age ON delivery_attempts (at);
-- Mails that were given up within a day.
CREATE INDEX delivery_attempts_failed ON delivery_attempts (at) WHERE outcome = 'failed';

GRANT SELECT, INSERT, UPDATE, DELETE ON delivery_attempts TO em_service;
GRANT SELECT, INSERT ON delivery_attempts TO em_notifications;

-- Whether mails are sent at all: one row. An administrator pauses sending, or it pauses by itself when the mail server
-- refuses us and not a mail: then one mail is tried from time to time.
CREATE TABLE sending (
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT sending_is_one_row CHECK (is_only),
    paused_at timestamptz,
    paused_by uuid CONSTRAINT sending_paused_by_fkey REFERENCES users (id),
    -- The mail server's words; null of a pause that an administrator asked for.
    reason text,
    next_probe_at timestamptz,
    -- When a pause by itself last ended because a mail was accepted.
    proved_at timestamptz
);
INSERT INTO sending DEFAULT VALUES;

GRANT SELECT, UPDATE ON sending TO em_service;
GRANT SELECT, UPDATE (paused_at, reason, next_probe_at, proved_at) ON sending TO em_notifications;

-- How an event's mails look and when its people are reminded. Without a row: as the product does by itself.
CREATE TABLE event_mail_settings (
    event_id uuid PRIMARY KEY CONSTRAINT event_mail_settings_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    paragraph text NOT NULL DEFAULT '',
    colour text,
    -- ISO 8601 durations before the start: P7D is the same hour seven days earlier, PT24H as many hours.
    reminders text[] NOT NULL,
    -- Where the answers to the mails go; null for the sender's address.
    reply_to text,
    CONSTRAINT event_mail_settings_colour_is_rgb CHECK (colour ~ '^#[0-9a-f]{6}$'),
    CONSTRAINT event_mail_settings_reply_to_is_no_essay CHECK (length(reply_to) <= 254)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_mail_settings TO em_service;
GRANT SELECT ON event_mail_settings TO em_notifications;

-- When which reminder was due that went out last.
CREATE TABLE reminders_sent (
    event_id uuid NOT NULL CONSTRAINT reminders_sent_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    reminder text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, reminder)
);

GRANT SELECT, INSERT, UPDATE ON reminders_sent TO em_service, em_notifications;

-- A mail as it would look, asked for by an organizer and made by notifications; kept for an hour.
CREATE TABLE mail_previews (
    -- Random: whoever knows it may see the page.
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT mail_previews_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    kind text NOT NULL,
    language text NOT NULL,
    -- Of an announcement that is not written yet.
    title text,
    body text,
    paragraph text NOT NULL,
    colour text,
    -- Null until it is made.
    subject text,
    plain_text text,
    html text,
    CONSTRAINT mail_previews_is_whole CHECK (
        (subject IS NULL) = (html IS NULL) AND (subject IS NULL) = (plain_text IS NULL))
);
-- Pruning takes the oldest first.
CREATE INDEX mail_previews_by_age ON mail_previews (created_at);
CREATE INDEX mail_previews_by_event ON mail_previews (event_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON mail_previews TO em_service;
GRANT SELECT, UPDATE (subject, plain_text, html) ON mail_previews TO em_notifications;
