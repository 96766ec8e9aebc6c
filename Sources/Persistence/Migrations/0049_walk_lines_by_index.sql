-- transaction: none
-- A line is walked along by its index alone: who stands in it, and before whom.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS registrations_line_people
    ON registrations (event_id, line_number) INCLUDE (id, user_id) WHERE status = 'waitlisted';
DROP INDEX CONCURRENTLY IF EXISTS registrations_line;
