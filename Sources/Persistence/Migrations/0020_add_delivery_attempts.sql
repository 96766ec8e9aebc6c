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

-- How many wait, and since when: of an event, and of all.
CREATE INDEX notifications_unsent ON notifications (event_id, created_at) WHERE status IN ('queued', 'retrying');

-- Whether mails are sent at all: one row.
CREATE TABLE sending (
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT sending_is_one_row CHECK (is_only),
    paused_at timestamptz,
    paused_by uuid CONSTRAINT sending_paused_by_fkey REFERENCES users (id)
);
INSERT INTO sending DEFAULT VALUES;

GRANT SELECT, INSERT, UPDATE, DELETE ON delivery_attempts TO em_service;
GRANT SELECT, UPDATE ON sending TO em_service;
GRANT SELECT, INSERT ON delivery_attempts TO em_notifications;
GRANT SELECT ON sending TO em_notifications;
