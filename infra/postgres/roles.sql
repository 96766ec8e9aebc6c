-- The product's roles and its database; run by a superuser, again at every start (everything here can be repeated).
--
--   psql -v ON_ERROR_STOP=1 -v owner_password=… -v service_password=… -f roles.sql
--
-- em_owner owns the schema and runs the migrations; em_service is what the services log in as: it reads and writes
-- rows and can change no table. What it may do with each table the migrations grant, beside the table itself.
\set QUIET on
set client_min_messages = warning;

select format('create role %I login', name)
from unnest(array['em_owner', 'em_service']) as name
where not exists (select from pg_catalog.pg_roles where rolname = name)
\gexec

-- The statements carry the passwords: keep them out of the server's log.
set log_statement = 'none';
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';
alter role em_owner password :'owner_password';
alter role em_service password :'service_password';

-- A service that hangs in the middle of a transaction must not hold its locks for ever.
alter role em_service set idle_in_transaction_session_timeout = '60s';

select 'create database em owner em_owner template template0 encoding ''UTF8'' locale ''C.UTF-8'''
where not exists (select from pg_catalog.pg_database where datname = 'em')
\gexec

\connect em
set client_min_messages = warning;

revoke all on database em from public;
grant connect, temporary on database em to em_owner;
grant connect on database em to em_service;

alter schema public owner to em_owner;
revoke create on schema public from public;
grant usage on schema public to em_service;
