-- What each service may do, beside em_service, which is api-service's (and the operator's commands'): the others get what
-- their work needs and nothing else. A new table's migration grants it to whoever needs it.

-- ws-hub reads counts, roles and sign-ins, and writes nothing.
GRANT SELECT ON events, event_places, event_members, registrations, check_ins, announcements TO em_ws_hub;
GRANT SELECT (id, role, display_name) ON users TO em_ws_hub;
GRANT SELECT (id, user_id, expires_at, revoked_at) ON sessions TO em_ws_hub;
GRANT SELECT (id, user_id, event_id, kind, status, attempts, created_at) ON notifications TO em_ws_hub;

-- ticket-worker holds a registration's row while it makes its ticket; holding one takes the right to change some column.
GRANT SELECT ON registrations TO em_ticket_worker;
GRANT UPDATE (cancellation_reason) ON registrations TO em_ticket_worker;
GRANT SELECT (id, owner_id, status, ends_at) ON events TO em_ticket_worker;
GRANT SELECT, INSERT ON tickets TO em_ticket_worker;
GRANT SELECT, INSERT, UPDATE ON ticket_keys TO em_ticket_worker;

-- notifications reads what mails are made of, writes how far they came, and makes the links in them.
GRANT SELECT ON events, event_places, event_members, registrations, tickets, check_ins, ticket_transfers, email_changes
    TO em_notifications;
GRANT SELECT (id, email, display_name, role, created_at, email_verified_at, deleted_at) ON users TO em_notifications;
GRANT SELECT, INSERT, UPDATE ON notifications TO em_notifications;
GRANT SELECT, INSERT, DELETE ON account_links TO em_notifications;
GRANT SELECT, INSERT ON transfer_links TO em_notifications;

-- Both work through queues: what they had, what may have killed them, what they have to tell.
GRANT SELECT, INSERT ON inbox TO em_ticket_worker, em_notifications;
GRANT SELECT, INSERT, UPDATE, DELETE ON suspects TO em_ticket_worker, em_notifications;
GRANT INSERT ON outbox TO em_ticket_worker, em_notifications;
GRANT SELECT ON outbox_watch TO em_ticket_worker, em_notifications;
