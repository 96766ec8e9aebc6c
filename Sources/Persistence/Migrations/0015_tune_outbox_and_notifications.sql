-- Each row of the outbox is written three times (added, numbered, published), each time into every index. Nobody looks for a
-- message by its id, and ids are drawn, not chosen: what keeps them apart is chance, as for every other UUID.
ALTER TABLE outbox DROP CONSTRAINT outbox_message_unique;

-- The organizer's dashboard counts what could not be delivered, again and again, among everything that could.
CREATE INDEX notifications_in_trouble ON notifications (event_id) WHERE status IN ('retrying', 'failed');
