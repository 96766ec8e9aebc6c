-- Calling an event off revokes its tickets while it holds the event's places: not by reading everybody's tickets.
CREATE INDEX tickets_by_event ON tickets (event_id);
