-- How far the outbox is rid of what was done: jobs and live updates, between the facts that stay as the event log.
CREATE TABLE outbox_pruning (
    is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT outbox_pruning_has_one_row CHECK (is_only),
    last_id bigint NOT NULL
);
INSERT INTO outbox_pruning (last_id) VALUES (0);
GRANT SELECT, UPDATE ON outbox_pruning TO em_service;
