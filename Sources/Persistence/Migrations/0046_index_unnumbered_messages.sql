-- transaction: none
-- Facts that were published without a number: there are none, and the check need not read the log to see that.
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_unnumbered ON outbox (id)
    WHERE destination = 'events' AND sequence IS NULL AND published_at IS NOT NULL;
