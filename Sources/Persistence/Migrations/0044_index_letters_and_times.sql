-- transaction: none
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_by_letters
    ON users USING gin (folded(email || ' ' || display_name) gin_trgm_ops) WHERE deleted_at IS NULL;
-- What is on at a time.
CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_time ON events USING gist (tstzrange(starts_at, ends_at));
-- The audit log by what was done, and by when.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_by_action ON audit (action, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_by_time ON audit (at, id);
