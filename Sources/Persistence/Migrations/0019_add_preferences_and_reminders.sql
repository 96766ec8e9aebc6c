-- In which language somebody is written to.
ALTER TABLE users ADD COLUMN language text NOT NULL DEFAULT 'en'
    CONSTRAINT users_language_is_known CHECK (language IN ('en', 'de'));

-- What somebody wants of which news; without a row everything.
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

-- Whose mails of what a link ends; each mail has its own. SHA-256 of the token, as everywhere.
CREATE TABLE unsubscribe_links (
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

ALTER TABLE notifications DROP CONSTRAINT notifications_status_is_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_status_is_known
    CHECK (status IN ('queued', 'retrying', 'sent', 'failed', 'muted'));
-- Whether it stands in the person's list.
ALTER TABLE notifications ADD COLUMN in_app boolean NOT NULL DEFAULT true;
-- When it was read there; what is older than this column counts as read.
ALTER TABLE notifications ADD COLUMN read_at timestamptz DEFAULT now();
ALTER TABLE notifications ALTER COLUMN read_at DROP DEFAULT;
CREATE INDEX notifications_unread ON notifications (user_id)
    WHERE read_at IS NULL AND in_app AND event_id IS NOT NULL;

-- How an event's mails look and when its people are reminded. Without a row: as the product does by itself.
CREATE TABLE event_mail_settings (
    event_id uuid PRIMARY KEY CONSTRAINT event_mail_settings_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    paragraph text NOT NULL DEFAULT '',
    colour text,
    -- ISO 8601 durations before the start: P7D is the same hour seven days earlier, PT24H as many hours.
    reminders text[] NOT NULL,
    CONSTRAINT event_mail_settings_colour_is_rgb CHECK (colour ~ '^#[0-9a-f]{6}$')
);

-- When which reminder was due that went out last.
CREATE TABLE reminders_sent (
    event_id uuid NOT NULL CONSTRAINT reminders_sent_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    reminder text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, reminder)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON notification_preferences, unsubscribe_links, event_mail_settings
    TO em_service;
GRANT SELECT ON notification_preferences, event_mail_settings TO em_notifications;
GRANT INSERT ON unsubscribe_links TO em_notifications;
GRANT SELECT, INSERT, UPDATE ON reminders_sent TO em_service, em_notifications;
GRANT SELECT (language) ON users TO em_notifications;
