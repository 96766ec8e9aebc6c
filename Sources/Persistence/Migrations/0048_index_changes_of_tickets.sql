-- transaction: none
CREATE INDEX CONCURRENTLY IF NOT EXISTS tickets_changed ON tickets (event_id, changed_in) WHERE changed_in IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS check_ins_changed
    ON check_ins (event_id, changed_in) WHERE changed_in IS NOT NULL;
-- An event's tickets page by page.
CREATE INDEX CONCURRENTLY IF NOT EXISTS tickets_by_event_and_id ON tickets (event_id, id);
DROP INDEX CONCURRENTLY IF EXISTS tickets_by_event;
