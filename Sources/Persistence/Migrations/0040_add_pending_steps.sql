-- What a decision leaves to be done in steps of bounded size: no transaction grows with an event. A row stands here until
-- its work is done, and says how far it has come; few at a time.
CREATE TABLE pending_steps (
    kind text NOT NULL,
    -- The event, person or subscription that it is about.
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the last step was taken.
    advanced_at timestamptz NOT NULL DEFAULT now(),
    -- What there is to be done in all, and what of it is; of work that is counted.
    total integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    -- The last row looked at.
    last_at timestamptz,
    last_id uuid,
    PRIMARY KEY (kind, subject_id),
    CONSTRAINT pending_steps_kind_is_known
        CHECK (kind IN ('event.cancellation', 'event.capacity', 'account.erasure', 'subscription.removal')),
    CONSTRAINT pending_steps_cursor_is_whole CHECK ((last_at IS NULL) = (last_id IS NULL))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON pending_steps TO em_service;
-- Events are read with what is pending of them.
GRANT SELECT ON pending_steps TO em_notifications, em_ws_hub;

-- How many places there are to be, while the line moves up step by step; NULL when there are as many as there are to be.
-- Each step raises the capacity by those whom it promotes.
ALTER TABLE event_places ADD COLUMN capacity_target integer
    CONSTRAINT event_places_target_in_range CHECK (capacity_target BETWEEN 1 AND 1000000);

-- Scans at an event that was called off. Every row that meets the old constraint meets this one, and isn't read for it.
ALTER TABLE scans DROP CONSTRAINT scans_result_is_known;
ALTER TABLE scans ADD CONSTRAINT scans_result_is_known CHECK (
    result IN ('admitted', 'duplicate', 'revoked', 'wrongEvent', 'notYetValid', 'eventCancelled', 'unknown')) NOT VALID;
