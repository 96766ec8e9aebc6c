-- transaction: none
-- A team in the order in which its people joined.
CREATE INDEX CONCURRENTLY IF NOT EXISTS event_members_by_age ON event_members (event_id, created_at, user_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS event_member_offers_by_age
    ON event_member_offers (event_id, created_at, user_id);
-- Events by the letters of what is written about them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_letters
    ON events USING gin (folded(title || ' ' || venue || ' ' || description) gin_trgm_ops);
-- Announcements whose time has not come.
CREATE INDEX CONCURRENTLY IF NOT EXISTS announcements_scheduled ON announcements (id) WHERE status = 'scheduled';
-- Who wants no mails of a topic.
CREATE INDEX CONCURRENTLY IF NOT EXISTS notification_preferences_unwanted
    ON notification_preferences (topic, user_id) WHERE NOT mail;
-- Webhooks for every event's facts: few.
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_webhooks_of_all ON subscriptions (id)
    WHERE delivery = 'webhook' AND status = 'active' AND ended_at IS NULL AND scope = 'all';
-- Keys by when they ended.
CREATE INDEX CONCURRENTLY IF NOT EXISTS api_keys_by_end ON api_keys (least(expires_at, revoked_at));
