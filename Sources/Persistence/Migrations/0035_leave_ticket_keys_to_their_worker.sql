-- Whoever can write a key here can make tickets that every gate lets in. Only ticket-worker has keys to publish; api-service,
-- which the outside talks to, reads them.
REVOKE INSERT, UPDATE ON ticket_keys FROM em_service;
