-- Registrations: a person's relation to an event, and the name under which attendees are sorted.

-- Of our own, so that the migrator may rebuild its index when a new version of ICU sorts in another way.
CREATE COLLATION names (provider = icu, locale = 'und');

CREATE TABLE registrations (
    id uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT registrations_event_fkey REFERENCES events (id),
    user_id uuid NOT NULL CONSTRAINT registrations_user_fkey REFERENCES users (id),
    status text NOT NULL,
    -- The number drawn on the waitlist; kept after promotion.
    line_number bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    cancelled_at timestamptz,
    -- The organizer's words to somebody whom they removed; erased with the person.
    cancellation_reason text,
    cancelled_by uuid CONSTRAINT registrations_cancelled_by_fkey REFERENCES users (id),
    -- The holder's name stands here too, so that an event's attendees are sorted by name by an index. Whoever registers
    -- a person writes it; triggers keep it.
    holder_name text,
    CONSTRAINT registrations_status_is_known CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    CONSTRAINT registrations_waitlisted_have_a_number CHECK (status <> 'waitlisted' OR line_number IS NOT NULL),
    CONSTRAINT registrations_holder_has_a_name CHECK (holder_name IS NOT NULL)
) WITH (
    -- Statistics keep up with the newest rows, however many there are before them: by a number of changes, not by a
    -- share.
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000,
    -- What is read by its index alone has to be known as visible to everybody.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000
);
-- One active registration per person and event.
CREATE UNIQUE INDEX registrations_one_active ON registrations (event_id, user_id) WHERE status <> 'cancelled';
-- The waitlist in order, walked along by its index alone: who is on it, and before whom.
CREATE UNIQUE INDEX registrations_line_people
    ON registrations (event_id, line_number) INCLUDE (id, user_id) WHERE status = 'waitlisted';
CREATE INDEX registrations_by_event ON registrations (event_id, created_at, id);
CREATE INDEX registrations_by_user ON registrations (user_id, created_at, id);
CREATE INDEX registrations_by_name ON registrations (event_id, holder_name COLLATE names, id);
-- The few who left an event, as they came.
CREATE INDEX registrations_cancelled ON registrations (event_id, created_at, id) WHERE status = 'cancelled';

GRANT SELECT, INSERT, UPDATE, DELETE ON registrations TO em_service;
-- ticket-worker holds a registration's row while it makes its ticket; locking one takes the right to change some
-- column.
GRANT SELECT, UPDATE (cancellation_reason) ON registrations TO em_ticket_worker;
GRANT SELECT ON registrations TO em_notifications, em_ws_hub;

CREATE FUNCTION name_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Of nobody, the foreign key will say that there is nobody.
    NEW.holder_name := coalesce((SELECT display_name FROM users WHERE id = NEW.user_id), '');
    RETURN NEW;
END
$$;
CREATE TRIGGER registrations_name_new_holder BEFORE UPDATE OF user_id ON registrations
    FOR EACH ROW EXECUTE FUNCTION name_holder();

CREATE FUNCTION rename_holders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE registrations SET holder_name = NEW.display_name WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_rename_holders AFTER UPDATE OF display_name ON users
    FOR EACH ROW WHEN (OLD.display_name IS DISTINCT FROM NEW.display_name) EXECUTE FUNCTION rename_holders();
