-- Whether the line still moves up once registration has closed.
ALTER TABLE events ADD COLUMN promote_after_close boolean NOT NULL DEFAULT true;
-- The organizer's word to somebody whom they removed; goes with the row when a person is erased.
ALTER TABLE registrations ADD COLUMN cancellation_reason text;
ALTER TABLE registrations ADD COLUMN cancelled_by uuid CONSTRAINT registrations_cancelled_by_fkey REFERENCES users (id);
-- registrations.idempotency_key is not used any more (0005 keeps keys of all creating requests); a later release drops it.
