-- What a worker's queue had lost is published again for the workers alone.
ALTER TABLE outbox ADD COLUMN is_repeated boolean NOT NULL DEFAULT false;
