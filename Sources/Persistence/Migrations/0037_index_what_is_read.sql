-- transaction: none
-- What lists, chores and the erasure of an account look for. Built beside the running services.

-- A registration's mails, the newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notifications_by_registration
    ON notifications (registration_id, created_at, id) WHERE registration_id IS NOT NULL;
-- What a mailing still has to send.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notifications_unsent_by_cause
    ON notifications (cause_id) WHERE status IN ('queued', 'retrying');
CREATE INDEX CONCURRENTLY IF NOT EXISTS tickets_by_user ON tickets (user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ticket_transfers_by_giver ON ticket_transfers (from_user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ticket_transfers_by_taker
    ON ticket_transfers (to_user_id) WHERE to_user_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS ticket_transfers_by_address ON ticket_transfers (recipient_email);
CREATE INDEX CONCURRENTLY IF NOT EXISTS announcements_by_author ON announcements (author_id);
-- The administrators' list of people, and the administrators themselves.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_by_age ON users (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_admins ON users (id) WHERE role = 'admin';
-- Deliveries that wait or failed: the few among all that arrived.
CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_deliveries_not_delivered
    ON webhook_deliveries (subscription_id, status, created_at, id) WHERE status <> 'delivered';
-- The administrators' list of events.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_start ON events (starts_at, id);
-- The few who left an event, as they came.
CREATE INDEX CONCURRENTLY IF NOT EXISTS registrations_cancelled
    ON registrations (event_id, created_at, id) WHERE status = 'cancelled';
-- Mails that were given up within a day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS delivery_attempts_failed ON delivery_attempts (at) WHERE outcome = 'failed';
-- What goes with a draft.
CREATE INDEX CONCURRENTLY IF NOT EXISTS ticket_transfers_by_event ON ticket_transfers (event_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS mail_previews_by_event ON mail_previews (event_id);

-- Statistics keep up with the newest rows, however many there are before them: by a number of changes, not by a share.
ALTER TABLE registrations SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
ALTER TABLE tickets SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
ALTER TABLE notifications SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
ALTER TABLE outbox SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
ALTER TABLE inbox SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
ALTER TABLE webhook_deliveries SET (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
-- What is read by its index alone has to be known as visible to everybody.
ALTER TABLE registrations SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE notifications SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE webhook_deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
