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
