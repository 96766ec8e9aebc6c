-- How often a registration went to somebody else: its calendar entry says so to those who had it before.
CREATE INDEX ticket_transfers_accepted ON ticket_transfers (registration_id) WHERE status = 'accepted';
