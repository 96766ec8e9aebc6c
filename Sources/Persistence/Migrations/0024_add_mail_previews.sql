-- Where the answers to an event's mails go; null for the sender's address.
ALTER TABLE event_mail_settings ADD COLUMN reply_to text
    CONSTRAINT event_mail_settings_reply_to_is_no_essay CHECK (length(reply_to) <= 254);

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

GRANT SELECT, INSERT, UPDATE, DELETE ON mail_previews TO em_service;
GRANT SELECT ON mail_previews TO em_notifications;
GRANT UPDATE (subject, plain_text, html) ON mail_previews TO em_notifications;
