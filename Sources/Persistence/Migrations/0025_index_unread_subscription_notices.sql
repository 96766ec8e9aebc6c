-- What is about no event and is shown in the product all the same: few rows, counted with every look at the bell.
CREATE INDEX notifications_unread_of_subscriptions ON notifications (user_id)
    WHERE read_at IS NULL AND kind = 'subscription.paused';
