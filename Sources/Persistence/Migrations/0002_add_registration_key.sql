-- The Idempotency-Key that a registration was asked for with: the same request sent again, because its answer was
-- lost, gets the same answer. It is compared with the person's own active registration only, so it needs no index.
ALTER TABLE registrations ADD COLUMN idempotency_key text;
