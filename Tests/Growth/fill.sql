-- Fills a migrated database with a site that has been in use for a year, by set-based statements; run by growth/site.py
-- with psql and these variables, as a superuser (triggers and foreign keys are off meanwhile):
--
--   generation     1, 2, … : each run adds rows beside those of the runs before
--   registrations  about how many are added
--   people         how many accounts; less two, it is no multiple of seven (see `registration` below)
--   events         how many ordinary events
--   crowd          the people of each probe event: what an event's own cost is measured by
--   doomed         the people of each event that is to be called off
--   own            how many registrations, notifications and sessions the most faithful visitor has
--   hash           the demo accounts' password hash, which everybody shares
--   large          1: indexes are made after the rows
--
-- Every invariant of `api-service verify` holds afterwards. Nothing is due but what pruning takes away: no chore finds more to
-- do than it would find on a quiet evening.
\set ON_ERROR_STOP on
\set QUIET on
set client_min_messages = warning;
set session_replication_role = replica;
set jit = off;
set work_mem = '256MB';
set maintenance_work_mem = '1GB';
set max_parallel_maintenance_workers = 1;
set synchronous_commit = off;
drop schema if exists growth cascade;
create schema growth;

-- Identifiers as the product makes them (UUIDv7): ordered by time, the rest is drawn, here from a text.
create function growth.id(at timestamptz, salt text) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(salt), 1, 3) || '8'
            || substr(md5(salt), 4, 15))::uuid
$$;
-- A number from 0 to most-1 that is always the same for a text.
create function growth.draw(salt text, most bigint) returns bigint language sql immutable parallel safe as $$
    select ('x' || substr(md5(salt), 1, 12))::bit(48)::bigint % most
$$;
-- A ticket's typed code with its check character (Sources/Domain/Tickets/Ticket.swift).
create function growth.code(salt text) returns text language sql immutable parallel safe as $$
    select substr(t, 1, 4) || '-' || substr(t, 5, 4) || '-' || substr(t, 9, 4) from (
        select string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', d + 1, 1), '' order by i)
            || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (sum(d * (2 * i + 1)) % 31)::int + 1, 1) as t
        from (select i, ((('x' || substr(md5(salt), 1, 15))::bit(60)::bigint >> (5 * i)) & 31)::int as d
              from generate_series(0, 10) i) digits
    ) written
$$;
create function growth.partition(event uuid) returns smallint language sql immutable parallel safe as $$
    select (('x' || right(event::text, 2))::bit(8)::int % 16)::smallint
$$;

-- Large fills: rows first, indexes afterwards. Those of constraints stay.
\if :large
create table growth.index as
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = 'public'::regnamespace and not exists (select from pg_constraint where conindid = i.indexrelid);
select 'drop index ' || name from growth.index \gexec
\endif

-- People. Number 0 hosts the probe events, 1 visits everything, 2 subscribes; every hundredth organizes.
create table growth.person as
    select n, growth.id(at, format('person %s %s', :generation, n)) as id, at,
        (array['Ada', 'Björn', 'Carla', 'Deniz', 'Émile', 'Fatma', 'Gus', 'Hanna', 'Igor', 'Jule', 'Kofi', 'Lena', 'Mats',
               'Noor', 'Oda', 'Pavel', 'Quinn', 'Rosa', 'Søren', 'Tess'])[1 + growth.draw('a' || n, 20)]
        || ' ' || (array['Adler', 'Brandt', 'Çelik', 'Dupont', 'Ebner', 'Fischer', 'García', 'Hansen', 'Ito', 'Jansen',
               'Keller', 'Lindqvist', 'Meyer', 'Nowak', 'Okafor', 'Petrov', 'Quist', 'Rossi', 'Schäfer', 'Thoma'])
               [1 + growth.draw('b' || n, 20)] || ' ' || n as name
    from (select n, now() - interval '300 days' + n * (interval '299 days' / :people) as at
          from generate_series(0, :people - 1) n) numbered;
insert into users (id, email, display_name, password_hash, role, created_at, email_verified_at, language)
    select id, format('person-%s@g%s.example.test', n, :generation), name, :'hash',
        case when n % 100 = 0 or n in (0, 2) then 'organizer' else 'user' end, at, at,
        case when n % 3 = 0 then 'de' else 'en' end
    from growth.person order by n;
-- Some have left.
insert into users (id, email, display_name, password_hash, created_at, deleted_at)
    select id, format('deleted-%s@deleted.invalid', id), 'Deleted account', '-', at, at + interval '20 days'
    from (select growth.id(now() - interval '200 days' + n * interval '1 minute', format('gone %s %s', :generation, n)) as id,
              now() - interval '200 days' + n * interval '1 minute' as at
          from generate_series(1, :people / 50) n) gone;

-- Events: those of every day, then the probes. `per` people come to an ordinary one.
\set per '(greatest(4, (:registrations - 4 * :crowd - 10 * :doomed) * 7 / 8 / :events))'
create table growth.event (n int primary key, id uuid, owner_n bigint, at timestamptz, starts timestamptz, ends timestamptz,
                           status text, title text, size int, waiting int, capacity int, probe text);
insert into growth.event
    select n, null, case when n % 20 = 0 then 0 else growth.draw('o' || n, (:people - 1) / 100 + 1) * 100 end, null, starts,
        starts + interval '3 hours', case when n % 20 = 19 then 'draft' when n % 20 = 18 then 'cancelled' else 'published' end,
        format('%s %s %s', (array['Concert', 'Workshop', 'Reading', 'Lecture', 'Festival', 'Meetup', 'Market', 'Tour'])[1 + n % 8],
               (array['in the park', 'at the harbour', 'by night', 'for beginners', 'in Köln', 'with friends'])[1 + n / 8 % 6], n),
        case when n % 20 = 19 then 0 else :per * (70 + growth.draw('s' || n, 60)) / 100 end,
        case when n % 20 < 18 and n % 5 = 0 then :per / 5 else 0 end, null, null
    from (select n, case when n % 10 < 6 then now() - (growth.draw('p' || n, 300 * 24 - 30) + 24) * interval '1 hour'
                         else now() + (growth.draw('f' || n, 200 * 24) + 30 * 24) * interval '1 hour' end as starts
          from generate_series(1, :events) n) numbered;
insert into growth.event
    select :events + row_number() over (), null, 0, null, now() + starts, now() + starts + interval '8 hours', 'published',
        format('Probe %s of generation %s', probe, :generation), size, waiting, null, probe
    from (select 'open' as probe, interval '40 days' as starts, :crowd as size, 0 as waiting
          union all select 'line', '45 days', :crowd / 2, :crowd / 2
          union all select 'gate', '-1 hour', :crowd, 0
          union all select 'past', '-50 days', :crowd, 0
          union all select 'doomed', '50 days', :doomed, :doomed / 10 from generate_series(1, 10)) probes;
update growth.event set at = least(now(), starts) - interval '25 days' - growth.draw('c' || n, 30 * 24) * interval '1 hour';
update growth.event set id = growth.id(at, format('event %s %s', :generation, n));
analyze growth.person;
analyze growth.event;

-- Registrations: the confirmed of an event, then its line, then those who left. Steps of seven through all people but two,
-- a number that seven doesn't divide, name nobody twice.
create table growth.registration as
    select growth.id(at, format('registration %s %s %s', :generation, e_n, k)) as id, *,
        growth.id(at, format('message %s %s %s', :generation, e_n, k)) as message_id
    from (select e.n as e_n, e.id as event_id, k, 2 + (e.n::bigint * 104729 + k::bigint * 7) % (:people - 2) as p_n,
              case when k <= size then 'confirmed' when k <= size + waiting then 'waitlisted' else 'cancelled' end as status,
              case when k > size and k <= size + waiting then k - size end as line,
              least(now(), starts) - interval '2 hours'
                  - growth.draw(format('%s %s', e.n, k), 20 * 86400) * interval '1 second' as at
          from growth.event e cross join lateral generate_series(1, size + waiting + size / 8) k) drawn
    union all
    -- The faithful visitor is confirmed at many events.
    select growth.id(at, format('faithful %s %s', :generation, e_n)), *,
        growth.id(at, format('faithful message %s %s', :generation, e_n))
    from (select n as e_n, id as event_id, 0 as k, 1::bigint as p_n, 'confirmed' as status, null::int as line,
              least(now(), starts) - interval '3 hours' - n % 1000 * interval '1 minute' as at
          from growth.event where status = 'published' and probe is null order by n limit :own) visited;
create index on growth.registration (at);
analyze growth.registration;
insert into registrations (id, event_id, user_id, status, line_number, created_at, confirmed_at, cancelled_at, holder_name)
    select r.id, r.event_id, p.id, r.status, r.line, r.at, case when r.status = 'confirmed' then r.at end,
        case when r.status = 'cancelled' then r.at + interval '1 hour' end, p.name
    from growth.registration r join growth.person p on p.n = r.p_n order by r.at;
insert into events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone, waitlist_enabled, status,
                    created_at, updated_at, published_at, cancelled_at, check_in_opens_at)
    select e.id, p.id, e.title, repeat('What it is about, and what to bring. ', 8), 'Hall ' || e.n % 50, starts, ends,
        'Europe/Berlin', waiting > 0, status, e.at, e.at, case when status <> 'draft' then e.at end,
        case when status = 'cancelled' then least(now(), starts) - interval '1 hour' end, starts - interval '2 hours'
    from growth.event e join growth.person p on p.n = e.owner_n order by e.at;
create table growth.counted as
    select e_n, count(*) filter (where status = 'confirmed') as confirmed,
        count(*) filter (where status = 'waitlisted') as waitlisted, coalesce(max(line), 0) as last
    from growth.registration group by e_n;
insert into event_places (event_id, capacity, confirmed, waitlisted, revision, last_line_number)
    select e.id, case when waiting > 0 then greatest(1, coalesce(confirmed, 0)) else coalesce(confirmed, 0) + 1000 end,
        coalesce(confirmed, 0), coalesce(waitlisted, 0), coalesce(confirmed + waitlisted, 0), coalesce(last, 0)
    from growth.event e left join growth.counted c on c.e_n = e.n order by e.n;
insert into event_members (event_id, user_id, role, created_at)
    select e.id, p.id, 'owner', e.at from growth.event e join growth.person p on p.n = e.owner_n
    union all
    select e.id, p.id, 'checkInStaff', e.at + interval '1 day'
    from growth.event e join growth.person p on p.n = 3 + e.n % (:people - 3) where e.n % 2 = 0
    union all
    -- A large team at the probe's gate.
    select e.id, p.id, case when p.n % 2 = 0 then 'coOrganizer' else 'checkInStaff' end, e.at + p.n * interval '1 second'
    from growth.event e join growth.person p on p.n between 10 and 10 + greatest(50, :crowd / 20) where e.probe = 'open'
    on conflict do nothing;
insert into event_member_offers (event_id, user_id, email, role, offered_by)
    select e.id, p.id, 'offered-' || e.n || '@example.test', 'checkInStaff', h.id
    from growth.event e join growth.person p on p.n = 3 + (e.n * 31) % (:people - 3) join growth.person h on h.n = e.owner_n
    where e.n % 50 = 0;
insert into event_mail_settings (event_id, paragraph, colour, reminders)
    select id, 'Bring a coat.', '#0b6e5f', '{P7D,PT24H}' from growth.event where n % 3 = 0;
insert into reminders_sent (event_id, reminder, due_at)
    select id, 'P7D', starts - interval '7 days' from growth.event where starts < now() and status <> 'draft';

-- Tickets: valid where somebody is confirmed; revoked where an event was called off, and of most who left.
create table growth.ticket as
    select growth.id(r.at + interval '2 seconds', 'ticket ' || r.id) as id, r.id as registration_id, r.event_id, r.p_n, r.e_n, r.k,
        r.at, e.starts, e.probe, growth.code('code ' || r.id) as code,
        case when r.status = 'cancelled' or e.status = 'cancelled' then 'revoked' else 'valid' end as status,
        -- Who came: three of four, and at the probe's gate so far three of five.
        e.status = 'published' and r.status = 'confirmed'
            and (e.probe = 'gate' and r.k % 5 < 3 or e.starts < now() - interval '1 day' and r.k % 4 > 0) as came
    from growth.registration r join growth.event e on e.n = r.e_n
    where r.status = 'confirmed' or r.status = 'cancelled' and r.k % 3 > 0;
insert into tickets (id, registration_id, event_id, user_id, code, qr_text, status, issued_at, revoked_at)
    select t.id, registration_id, event_id, p.id, code, 'EM1:' || rpad(upper(replace(code, '-', '')), 173, 'A2B3C4D5E6F7'), status,
        t.at + interval '2 seconds', case when status = 'revoked' then t.at + interval '1 hour' end
    from growth.ticket t join growth.person p on p.n = t.p_n order by t.at;
insert into ticket_documents (ticket_id, fingerprint, content, made_at)
    select id, sha256(id::text::bytea), repeat('x', 6000)::bytea, now() - draw * interval '1 hour'
    from (select id, growth.draw('d' || id, 20 * 24) as draw from growth.ticket where status = 'valid') valid where draw = 7;
create table growth.visit as
    select growth.id(at, 'visit ' || ticket_id) as id, * from (
        select id as ticket_id, registration_id, event_id, e_n, k, code, probe,
            starts + growth.draw('v' || id, case when probe = 'gate' then 3000 else 7200 end) * interval '1 second' as at
        from growth.ticket where came) came;
insert into check_ins (id, ticket_id, event_id, registration_id, at, gate, device, scan_id, by_user_id)
    select v.id, ticket_id, event_id, registration_id, v.at, 'Gate ' || k % 4, 'device ' || k % 4, 'scan ' || v.id, p.id
    from growth.visit v join growth.event e on e.n = v.e_n join growth.person p on p.n = e.owner_n order by v.at;
-- Some show their ticket twice; some of those were let in by a gate that had no network.
insert into scans (id, event_id, ticket_id, registration_id, at, received_at, gate, device, scan_id, is_offline, let_in,
                   result, by_user_id)
    select s.id, s.event_id, ticket_id, registration_id, s.at, s.at, 'Gate ' || k % 4, 'device ' || k % 4, 'scan ' || s.id,
        is_offline, is_offline or result = 'admitted', result, p.id
    from (select id, event_id, e_n, ticket_id, registration_id, k, at, false as is_offline, 'admitted' as result from growth.visit
          union all
          select growth.id(at, 'again ' || id), event_id, e_n, ticket_id, registration_id, k, at + interval '5 minutes',
              k % case when probe is null then 60 when :crowd < 1000 then 2 else 20 end = 1, 'duplicate'
          from growth.visit where k % case when probe = 'gate' then 2 else 20 end = 1) s
    join growth.event e on e.n = s.e_n join growth.person p on p.n = e.owner_n order by s.at;

-- The log. What is older than ninety days is pruned: of each event, the numbers up to some are gone. Here as below, a little is
-- left that is a day too old, for the pruning to find.
create table growth.fact as
    select f.*, row_number() over (partition by event_id order by at, message_id) as sequence from (
        select message_id, e_n, event_id, at, 'em.registration.' || status as type,
            json_build_object('eventId', event_id, 'registrationId', id, 'status', status, 'confirmed', k, 'waitlisted', 0,
                              'capacity', 1000000, 'revision', k) as data
        from growth.registration
        union all
        select growth.id(at + interval '3 seconds', 'issued ' || id), e_n, event_id, at + interval '3 seconds', 'em.ticket.issued',
            json_build_object('eventId', event_id, 'ticketId', id, 'registrationId', registration_id) from growth.ticket
        union all
        select growth.id(at, 'came ' || id), e_n, event_id, at, 'em.ticket.checkedin',
            json_build_object('eventId', event_id, 'ticketId', ticket_id, 'registrationId', registration_id) from growth.visit
        union all
        select growth.id(at, 'published ' || id), n, id, at, 'em.event.published',
            json_build_object('eventId', id, 'version', 1, 'status', 'published') from growth.event where status <> 'draft'
    ) f;
insert into outbox_sequences (event_id, last) select event_id, max(sequence) from growth.fact group by event_id;
delete from growth.fact where at < now() - interval '91 days';
insert into outbox (message_id, partition, destination, type, event_id, owner_id, data, occurred_at, sequence, published_at,
                    live_at)
    select message_id, growth.partition(event_id), destination, f.type, event_id, p.id, data, f.at, sequence, f.at, f.at
    from (select message_id, e_n, event_id, at, 'events' as destination, type, data, sequence from growth.fact
          union all
          select growth.id(at, 'mail ' || id), e_n, event_id, at + interval '1 second', 'work', 'mail.send', data, null
          from (select message_id as id, * from growth.fact
                where type like 'em.registration.%' and at > now() - interval '25 hours') mails) f
    join growth.event e on e.n = f.e_n join growth.person p on p.n = e.owner_n order by f.at;
-- What is done leaves within a day (0045): so far the pruning has come.
do $$
begin
    if to_regclass('public.outbox_pruning') is not null then
        update outbox_pruning set last_id = (select coalesce(max(id), 0) from outbox where occurred_at < now() - interval '25 hours');
    end if;
end
$$;
insert into inbox (consumer, message_id, processed_at)
    select 'notifications.plan', message_id, at from growth.fact where at > now() - interval '31 days';

-- Announcements, and the mailings that told them.
create table growth.announcement as
    select growth.id(at, format('announcement %s %s', e_n, k)) as id, * from (
        select e.n as e_n, e.id as event_id, k, e.at + k * interval '1 hour' as at, e.owner_n
        from growth.event e cross join lateral generate_series(1, case when probe = 'open' then greatest(25, :crowd / 20) else 1 end) k
        where status = 'published' and (n % 2 = 0 or probe is not null)) posted;
insert into announcements (id, event_id, author_id, title, body, at)
    select a.id, event_id, p.id, 'Announcement ' || k, 'Doors open at six.', a.at
    from growth.announcement a join growth.person p on p.n = a.owner_n order by a.at;
insert into mailings (id, event_id, kind, audience, status, created_at, at, recipients, planned, done_at)
    select id, event_id, 'announcement', 'all', 'done', at, at, 3, 3, at + interval '1 minute' from growth.announcement
    union all
    select growth.id(starts, 'reminder ' || id), id, 'event.reminder', 'confirmed', 'done', starts - interval '7 days',
        starts - interval '7 days', size, size, starts - interval '7 days' + interval '1 minute'
    from growth.event where starts < now() and status = 'published';

-- What people were told: of each registration, and before the start. Of a hundred one failed and two are not wanted.
create table growth.notification as
    select growth.id(at, format('notification %s %s', cause_id, id)) as id, event_id, id as registration_id, p_n, k, kind, cause_id, at,
        case k % 100 when 98 then 'failed' when 97 then 'muted' when 96 then 'muted' else 'sent' end as status
    from (select id, event_id, p_n, k, 'registration.' || status as kind, message_id as cause_id, at + interval '4 seconds' as at
          from growth.registration
          union all
          select r.id, r.event_id, p_n, k, 'event.reminder', growth.id(starts, 'reminder ' || e.id), starts - interval '7 days'
          from growth.registration r join growth.event e on e.n = r.e_n
          where e.starts < now() and e.status = 'published' and r.status = 'confirmed') told;
insert into notifications (id, user_id, event_id, registration_id, cause_id, kind, status, attempts, last_error, created_at, sent_at,
                           read_at)
    select t.id, p.id, event_id, registration_id, cause_id, kind, status, 1, case when status = 'failed' then '550 no such user' end,
        t.at, case when status = 'sent' then t.at + interval '1 second' end, case when k % 3 > 0 then t.at + interval '1 day' end
    from growth.notification t join growth.person p on p.n = t.p_n order by t.at
    on conflict do nothing;
insert into delivery_attempts (notification_id, at, outcome, detail)
    select id, at + interval '1 second', case status when 'sent' then 'accepted' else status end, '250 OK' from growth.notification
    where at > now() - interval '91 days';

-- Accounts.
create table growth.session as
    select growth.id(at, format('session %s %s %s', :generation, n, k)) as id, n, k, at from (
        select n, k, greatest(at, now() - interval '25 days') + k * interval '1 minute' as at
        from growth.person cross join lateral generate_series(1, case when n < 3 then 25 + :own / 10 else 1 + (n % 5 = 0)::int end) k) s;
insert into sessions (id, user_id, created_at, last_used_at, expires_at, revoked_at, device, authenticated_at)
    select s.id, p.id, s.at, s.at, case when p.n % 20 = 9 then now() - interval '8 days' else now() + interval '20 days' end, case when s.k = 2 and p.n > 2 then now() - interval '3 days' end,
        'Firefox on Linux', s.at
    from growth.session s join growth.person p using (n) order by s.at;
insert into refresh_tokens (token_hash, session_id, issued_at, used_at)
    select sha256(format('%s %s', id, turn)::bytea), id, at, case when turn = 1 then at + interval '1 hour' end
    from growth.session cross join generate_series(1, 2) turn;
insert into account_links (token_hash, user_id, purpose, created_at, expires_at, used_at)
    select sha256(('link ' || id)::bytea), id, 'verifyEmail', at, at + interval '1 hour', at + interval '5 minutes'
    from growth.person where n % 5 = 0;
insert into email_changes (user_id, old_email, new_email, requested_at, confirmed_at)
    select id, 'old-' || n || '@example.test', 'new-' || n || '@example.test', now() - interval '20 days', now() - interval '19 days'
    from growth.person where n % 100 = 7;
insert into unsubscribe_links (token_hash, user_id, topic, created_at)
    select sha256(('unsubscribe ' || id)::bytea), id, 'reminders', now() - n % 300 * interval '1 day' from growth.person where n % 2 = 0;
insert into notification_preferences (user_id, topic, mail) select id, 'announcements', false from growth.person where n % 20 = 9;
insert into api_keys (id, user_id, name, hash, scopes, created_at, expires_at)
    select growth.id(now() - k * interval '1 minute', format('key %s %s', id, k)), id, 'Key ' || k, sha256(format('key %s %s', id, k)::bytea),
        '{events:read}', now() - k * interval '1 minute', now() + interval '80 days'
    from growth.person cross join lateral generate_series(1, case when n = 0 then 25 + :own / 10 when n % 40 = 0 then 1 else 0 end) k;
insert into idempotency_keys (user_id, key, route, fingerprint, status, body, created_at)
    select p.id, 'key of ' || r.id, 'register', sha256(r.id::text::bytea), 201, '{}', now() - growth.draw('i' || r.id, 50 * 60) * interval '1 minute'
    from growth.registration r join growth.person p on p.n = r.p_n where r.k % 20 = 3;
insert into ticket_transfers (id, ticket_id, registration_id, event_id, from_user_id, to_user_id, recipient_email, status, created_at,
                              expires_at, settled_at)
    select growth.id(t.at, 'transfer ' || t.id), t.id, registration_id, event_id, f.id, case when k % 2 = 0 then o.id end,
        'somebody-' || t.p_n || '@example.test', case when k % 2 = 0 then 'accepted' else 'cancelled' end, t.at, t.at + interval '2 days',
        t.at + interval '1 day'
    from growth.ticket t join growth.person f on f.n = 3 + (t.p_n + 1) % (:people - 3) join growth.person o on o.n = t.p_n
    where k % 40 in (11, 12);
insert into transfer_links (token_hash, transfer_id, created_at)
    select sha256(('transfer ' || id)::bytea), id, created_at from ticket_transfers on conflict do nothing;

-- Programs outside. Number 2 has the probe's webhook; they own no event, so nothing new is owed to it.
create table growth.subscription as
    select row_number() over (order by n) - 1 as s_n, growth.id(at, format('subscription %s', id)) as id, id as user_id, n from growth.person
    where n = 2 or n % 200 = 100;
insert into subscriptions (id, user_id, name, scope, types, delivery, url, status, created_at, last_delivery_at)
    select id, user_id, 'Webhook', 'own', '{*}', 'webhook', 'https://127.77.0.1:9/hook', 'active', now() - interval '40 days',
        now() - interval '1 day'
    from growth.subscription;
create table growth.delivery as
    select row_number() over (order by at) as d_n, * from growth.fact where at > now() - interval '31 days';
insert into webhook_deliveries (id, subscription_id, message_id, event_id, sequence, type, status, attempts, created_at, finished_at)
    select growth.id(d.at, format('delivery %s %s', s.id, message_id)), s.id, message_id, event_id, sequence, type,
        case when d_n % 20 = 0 then 'failed' else 'delivered' end, 1, d.at, d.at + interval '1 second'
    from growth.delivery d join growth.subscription s
        on s.s_n = case when d_n <= :crowd / 2 then 0 else d_n % (select count(*) from growth.subscription) end
    where d_n <= :registrations / 5 order by d.at;
insert into webhook_attempts (delivery_id, at, status, duration_ms)
    select id, finished_at, case when status = 'failed' then 500 else 204 end, 20 from webhook_deliveries d
    where finished_at is not null and not exists (select from webhook_attempts a where a.delivery_id = d.id);

-- The audit log, sealed (the digests are made up: `api-service audit verify` is not for this database).
insert into audit (at, actor_id, action, subject_id, event_id, trace_id)
    select e.at, p.id, action, e.id, e.id, md5('trace ' || e.id) from growth.event e join growth.person p on p.n = e.owner_n
        cross join unnest(array['event.created', 'event.published', 'event.edited']) action
    union all
    select r.at, p.id, 'registration.added', r.id, r.event_id, md5('trace ' || r.id) from growth.registration r
        join growth.event e on e.n = r.e_n join growth.person p on p.n = e.owner_n where k % 10 = 5
    order by 1;
insert into audit_seals (number, audit_id, digest)
    select coalesce((select max(number) from audit_seals), 0) + row_number() over (order by id), id, sha256(id::text::bytea)
    from audit a where not exists (select from audit_seals s where s.audit_id = a.id)
        and not exists (select from audit_unsealed u where u.audit_id = a.id);
insert into audit_contents (audit_id, salt, content, expires_at)
    select id, sha256(id::text::bytea), '{"field": "title"}', case when id % 50 = 0 then now() - interval '1 hour' when id % 10 = 0 then now() + interval '20 days' end
    from audit a where id % 5 = 0 and not exists (select from audit_contents c where c.audit_id = a.id);

\if :large
select definition from growth.index \gexec
\endif
set session_replication_role = origin;
-- Where the calls start from.
create table if not exists growth_probe (generation int, name text, id uuid, primary key (generation, name));
insert into growth_probe
    select :generation, probe, id from growth.event where probe is not null and probe <> 'doomed'
    union all select :generation, 'doomed ' || row_number() over (order by n), id from growth.event where probe = 'doomed'
    union all select :generation, case n when 0 then 'host' when 1 then 'faithful' else 'integrator' end, id from growth.person where n < 3
    union all select :generation, 'webhook', id from growth.subscription where n = 2;
drop schema growth cascade;
vacuum analyze;
