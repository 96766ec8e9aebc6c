-- Announcements to some of the people at an event, or at a later time.
ALTER TABLE announcements ADD COLUMN audience text NOT NULL DEFAULT 'all'
    CONSTRAINT announcements_audience_is_known CHECK (audience IN ('all', 'confirmed', 'waitlisted', 'checkedIn'));
ALTER TABLE announcements ADD COLUMN status text NOT NULL DEFAULT 'posted'
    CONSTRAINT announcements_status_is_known CHECK (status IN ('scheduled', 'posted', 'cancelled'));

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
-- What the clock has to look at: few.
CREATE INDEX mailings_open ON mailings (at) WHERE status IN ('scheduled', 'sending');

GRANT SELECT, INSERT, UPDATE ON mailings TO em_service, em_notifications;
GRANT SELECT ON mailings TO em_ws_hub;
GRANT SELECT (cause_id) ON notifications TO em_ws_hub;
GRANT SELECT ON announcements TO em_notifications;
GRANT UPDATE (status, at) ON announcements TO em_notifications;
