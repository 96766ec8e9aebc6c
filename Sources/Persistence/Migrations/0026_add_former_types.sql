-- What the broker may still have a subscription's queue bound by, and shall not: noted with the edit, and forgotten once the
-- broker has said that it is unbound. Whoever edits and dies, or finds the broker away, leaves it to the others.
ALTER TABLE subscriptions ADD COLUMN former_types text[] NOT NULL DEFAULT '{}';
