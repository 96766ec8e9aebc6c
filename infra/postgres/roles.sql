-- The product's roles and its database; run by a superuser, again at every start (everything here can be repeated).
--
--   psql -v ON_ERROR_STOP=1 -v owner_password=… -v service_password=… -v ticket_worker_password=… \
--        -v notifications_password=… -v ws_hub_password=… -f roles.sql
--
-- em_owner owns the schema and runs the migrations. Each service logs in as a role of its own: em_service is
-- api-service's, em_ticket_worker, em_notifications and em_ws_hub are the others'. They read and write rows and can change
-- no table; what each may do with each table the migrations grant.
\set QUIET on
set client_min_messages = warning;

select format('create role %I login', name)
from unnest(array['em_owner', 'em_service', 'em_ticket_worker', 'em_notifications', 'em_ws_hub']) as name
where not exists (select from pg_catalog.pg_roles where rolname = name)
\gexec

-- The statements carry the passwords: keep them out of the server's log.
set log_statement = 'none';
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';
alter role em_owner password :'owner_password';
alter role em_service password :'service_password';
alter role em_ticket_worker password :'ticket_worker_password';
alter role em_notifications password :'notifications_password';
alter role em_ws_hub password :'ws_hub_password';

-- A service that hangs in the middle of a transaction must not hold its locks for ever.
alter role em_service set idle_in_transaction_session_timeout = '60s';
alter role em_ticket_worker set idle_in_transaction_session_timeout = '60s';
alter role em_notifications set idle_in_transaction_session_timeout = '60s';
alter role em_ws_hub set default_transaction_read_only = on;

select 'create database em owner em_owner template template0 encoding ''UTF8'' locale ''C.UTF-8'''
where not exists (select from pg_catalog.pg_database where datname = 'em')
\gexec

\connect em
set client_min_messages = warning;

revoke all on database em from public;
grant connect, temporary on database em to em_owner;
grant connect on database em to em_service, em_ticket_worker, em_notifications, em_ws_hub;

alter schema public owner to em_owner;
revoke create on schema public from public;
grant usage on schema public to em_service, em_ticket_worker, em_notifications, em_ws_hub;
