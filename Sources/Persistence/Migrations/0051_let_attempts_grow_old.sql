-- transaction: none
-- Attempts at mails are kept for as long as the event log: pruning takes the oldest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_attempts_by_age ON delivery_attempts (at);
-- An event's notifications are read by their registration, their cause or their person; by the event only those go that went
-- with a draft. An index of the event alone is a tenth as large.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notifications_of_event ON notifications (event_id);
DROP INDEX CONCURRENTLY IF EXISTS notifications_by_event;
