-- Events: what they are, how many may come, who runs them, what is left to do about them, and their times of day.

CREATE TABLE events (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT events_owner_fkey REFERENCES users (id),
    title text NOT NULL,
    description text NOT NULL,
    venue text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    waitlist_enabled boolean NOT NULL DEFAULT false,
    registration_opens_at timestamptz,
    registration_closes_at timestamptz,
    check_in_opens_at timestamptz,
    status text NOT NULL DEFAULT 'draft',
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    cancelled_at timestamptz,
    -- Whether the waitlist is still promoted once registration has closed.
    promote_after_close boolean NOT NULL DEFAULT true,
    CONSTRAINT events_status_is_known CHECK (status IN ('draft', 'published', 'cancelled')),
    CONSTRAINT events_end_after_start CHECK (ends_at > starts_at)
);
-- The public list: by start, then id, of what is published. The administrators' list has everything.
CREATE INDEX events_published_by_start ON events (starts_at, id) WHERE status = 'published';
CREATE INDEX events_by_start ON events (starts_at, id);
CREATE INDEX events_by_owner ON events (owner_id, starts_at, id);
-- What is on at a time.
CREATE INDEX events_by_time ON events USING gist (tstzrange(starts_at, ends_at));
-- By the letters of what is written about them.
CREATE INDEX events_by_letters
    ON events USING gin (folded(title || ' ' || venue || ' ' || description) gin_trgm_ops);

GRANT SELECT, INSERT, UPDATE, DELETE ON events TO em_service;
GRANT SELECT (id, owner_id, status, ends_at) ON events TO em_ticket_worker;
GRANT SELECT ON events TO em_notifications, em_ws_hub;

-- An event's capacity: the one row that everything which takes or gives back a spot goes through, and that nothing else
-- locks. Kept apart from the event so that an edit of its title waits for nobody, and small so that updates stay within
-- the page (no index but the key: heap-only updates; the fill factor leaves them room).
CREATE TABLE event_places (
    event_id uuid PRIMARY KEY CONSTRAINT event_places_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    capacity integer NOT NULL,
    confirmed integer NOT NULL DEFAULT 0,
    waitlisted integer NOT NULL DEFAULT 0,
    -- Rises with every change of this row, so that of two states the newer is known.
    revision bigint NOT NULL DEFAULT 0,
    -- The last number drawn by somebody who joined the waitlist.
    last_line_number bigint NOT NULL DEFAULT 0,
    -- What the capacity is to become, while the waitlist is promoted step by step; NULL when it is what it is to be.
    -- Each step raises the capacity by those whom it promotes.
    capacity_target integer,
    CONSTRAINT event_places_never_oversold CHECK (confirmed <= capacity),
    CONSTRAINT event_places_confirmed_not_negative CHECK (confirmed >= 0),
    CONSTRAINT event_places_waitlisted_not_negative CHECK (waitlisted >= 0),
    CONSTRAINT event_places_capacity_in_range CHECK (capacity BETWEEN 1 AND 1000000),
    CONSTRAINT event_places_target_in_range CHECK (capacity_target BETWEEN 1 AND 1000000)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_places TO em_service;
GRANT SELECT ON event_places TO em_notifications, em_ws_hub;

CREATE TABLE event_members (
    event_id uuid NOT NULL CONSTRAINT event_members_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT event_members_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id),
    CONSTRAINT event_members_role_is_known CHECK (role IN ('owner', 'coOrganizer', 'checkInStaff'))
);
CREATE INDEX event_members_by_user ON event_members (user_id);
-- A team in the order in which its people joined.
CREATE INDEX event_members_by_age ON event_members (event_id, created_at, user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_members TO em_service;
GRANT SELECT ON event_members TO em_notifications, em_ws_hub;

-- A role in an event's team, given to an address that its account has not proven yet: it takes effect with the proof.
CREATE TABLE event_member_offers (
    event_id uuid NOT NULL CONSTRAINT event_member_offers_event_fkey REFERENCES events (id) ON DELETE CASCADE,
    user_id uuid NOT NULL CONSTRAINT event_member_offers_user_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- What is to be proven: nothing is given to the account's next address.
    email text NOT NULL,
    role text NOT NULL,
    offered_by uuid NOT NULL CONSTRAINT event_member_offers_offered_by_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, user_id),
    CONSTRAINT event_member_offers_role_is_known CHECK (role IN ('coOrganizer', 'checkInStaff'))
);
CREATE INDEX event_member_offers_by_user ON event_member_offers (user_id);
CREATE INDEX event_member_offers_by_sender ON event_member_offers (offered_by);
CREATE INDEX event_member_offers_by_age ON event_member_offers (event_id, created_at, user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_member_offers TO em_service;

-- What a decision leaves to be done in steps of bounded size: no transaction grows with an event. A row stays until its
-- work is done, and says how far that has come; few at a time.
CREATE TABLE pending_steps (
    kind text NOT NULL,
    -- The event, person or subscription that it is about.
    subject_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the last step was taken.
    advanced_at timestamptz NOT NULL DEFAULT now(),
    -- What there is to be done in all, and what of it is; of work that is counted.
    total integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    -- The last row looked at.
    last_at timestamptz,
    last_id uuid,
    PRIMARY KEY (kind, subject_id),
    CONSTRAINT pending_steps_kind_is_known
        CHECK (kind IN ('event.cancellation', 'event.capacity', 'account.erasure', 'subscription.removal')),
    CONSTRAINT pending_steps_cursor_is_whole CHECK ((last_at IS NULL) = (last_id IS NULL))
);

GRANT SELECT, INSERT, UPDATE, DELETE ON pending_steps TO em_service;
-- Events are read with what is pending of them.
GRANT SELECT ON pending_steps TO em_notifications, em_ws_hub;

-- Times of day in an event's zone, for statements that go through many events: one of them must not fail for the name
-- of a zone that this server's time zone data lacks.

-- Zones that the IANA database keeps as links today, and where they lead: data without links lacks the first of each.
CREATE TABLE zone_links (name text PRIMARY KEY, target text NOT NULL);
INSERT INTO zone_links (name, target) VALUES
    ('Africa/Accra', 'Africa/Abidjan'), ('Africa/Addis_Ababa', 'Africa/Nairobi'),
    ('Africa/Asmara', 'Africa/Nairobi'), ('Africa/Bamako', 'Africa/Abidjan'), ('Africa/Bangui', 'Africa/Lagos'),
    ('Africa/Banjul', 'Africa/Abidjan'), ('Africa/Blantyre', 'Africa/Maputo'),
    ('Africa/Brazzaville', 'Africa/Lagos'), ('Africa/Bujumbura', 'Africa/Maputo'),
    ('Africa/Conakry', 'Africa/Abidjan'), ('Africa/Dakar', 'Africa/Abidjan'),
    ('Africa/Dar_es_Salaam', 'Africa/Nairobi'), ('Africa/Djibouti', 'Africa/Nairobi'),
    ('Africa/Douala', 'Africa/Lagos'), ('Africa/Freetown', 'Africa/Abidjan'), ('Africa/Gaborone', 'Africa/Maputo'),
    ('Africa/Harare', 'Africa/Maputo'), ('Africa/Kampala', 'Africa/Nairobi'), ('Africa/Kigali', 'Africa/Maputo'),
    ('Africa/Kinshasa', 'Africa/Lagos'), ('Africa/Libreville', 'Africa/Lagos'), ('Africa/Lome', 'Africa/Abidjan'),
    ('Africa/Luanda', 'Africa/Lagos'), ('Africa/Lubumbashi', 'Africa/Maputo'), ('Africa/Lusaka', 'Africa/Maputo'),
    ('Africa/Malabo', 'Africa/Lagos'), ('Africa/Maseru', 'Africa/Johannesburg'),
    ('Africa/Mbabane', 'Africa/Johannesburg'), ('Africa/Mogadishu', 'Africa/Nairobi'),
    ('Africa/Niamey', 'Africa/Lagos'), ('Africa/Nouakchott', 'Africa/Abidjan'),
    ('Africa/Ouagadougou', 'Africa/Abidjan'), ('Africa/Porto-Novo', 'Africa/Lagos'),
    ('America/Anguilla', 'America/Puerto_Rico'), ('America/Antigua', 'America/Puerto_Rico'),
    ('America/Aruba', 'America/Puerto_Rico'), ('America/Atikokan', 'America/Panama'),
    ('America/Blanc-Sablon', 'America/Puerto_Rico'), ('America/Cayman', 'America/Panama'),
    ('America/Creston', 'America/Phoenix'), ('America/Curacao', 'America/Puerto_Rico'),
    ('America/Dominica', 'America/Puerto_Rico'), ('America/Grenada', 'America/Puerto_Rico'),
    ('America/Guadeloupe', 'America/Puerto_Rico'), ('America/Kralendijk', 'America/Puerto_Rico'),
    ('America/Lower_Princes', 'America/Puerto_Rico'), ('America/Marigot', 'America/Puerto_Rico'),
    ('America/Montserrat', 'America/Puerto_Rico'), ('America/Nassau', 'America/Toronto'),
    ('America/Port_of_Spain', 'America/Puerto_Rico'), ('America/St_Barthelemy', 'America/Puerto_Rico'),
    ('America/St_Kitts', 'America/Puerto_Rico'), ('America/St_Lucia', 'America/Puerto_Rico'),
    ('America/St_Thomas', 'America/Puerto_Rico'), ('America/St_Vincent', 'America/Puerto_Rico'),
    ('America/Tortola', 'America/Puerto_Rico'), ('Antarctica/DumontDUrville', 'Pacific/Port_Moresby'),
    ('Antarctica/McMurdo', 'Pacific/Auckland'), ('Antarctica/Syowa', 'Asia/Riyadh'),
    ('Arctic/Longyearbyen', 'Europe/Berlin'), ('Asia/Aden', 'Asia/Riyadh'), ('Asia/Bahrain', 'Asia/Qatar'),
    ('Asia/Brunei', 'Asia/Kuching'), ('Asia/Kuala_Lumpur', 'Asia/Singapore'), ('Asia/Kuwait', 'Asia/Riyadh'),
    ('Asia/Muscat', 'Asia/Dubai'), ('Asia/Phnom_Penh', 'Asia/Bangkok'), ('Asia/Vientiane', 'Asia/Bangkok'),
    ('Atlantic/Reykjavik', 'Africa/Abidjan'), ('Atlantic/St_Helena', 'Africa/Abidjan'),
    ('Europe/Amsterdam', 'Europe/Brussels'), ('Europe/Bratislava', 'Europe/Prague'),
    ('Europe/Busingen', 'Europe/Zurich'), ('Europe/Copenhagen', 'Europe/Berlin'),
    ('Europe/Guernsey', 'Europe/London'), ('Europe/Isle_of_Man', 'Europe/London'),
    ('Europe/Jersey', 'Europe/London'), ('Europe/Ljubljana', 'Europe/Belgrade'),
    ('Europe/Luxembourg', 'Europe/Brussels'), ('Europe/Mariehamn', 'Europe/Helsinki'),
    ('Europe/Monaco', 'Europe/Paris'), ('Europe/Oslo', 'Europe/Berlin'), ('Europe/Podgorica', 'Europe/Belgrade'),
    ('Europe/San_Marino', 'Europe/Rome'), ('Europe/Sarajevo', 'Europe/Belgrade'),
    ('Europe/Skopje', 'Europe/Belgrade'), ('Europe/Stockholm', 'Europe/Berlin'), ('Europe/Vaduz', 'Europe/Zurich'),
    ('Europe/Vatican', 'Europe/Rome'), ('Europe/Zagreb', 'Europe/Belgrade'),
    ('Indian/Antananarivo', 'Africa/Nairobi'), ('Indian/Christmas', 'Asia/Bangkok'), ('Indian/Cocos', 'Asia/Yangon'),
    ('Indian/Comoro', 'Africa/Nairobi'), ('Indian/Kerguelen', 'Indian/Maldives'), ('Indian/Mahe', 'Asia/Dubai'),
    ('Indian/Mayotte', 'Africa/Nairobi'), ('Indian/Reunion', 'Asia/Dubai'),
    ('Pacific/Chuuk', 'Pacific/Port_Moresby'), ('Pacific/Funafuti', 'Pacific/Tarawa'),
    ('Pacific/Majuro', 'Pacific/Tarawa'), ('Pacific/Midway', 'Pacific/Pago_Pago'),
    ('Pacific/Pohnpei', 'Pacific/Guadalcanal'), ('Pacific/Saipan', 'Pacific/Guam'),
    ('Pacific/Wake', 'Pacific/Tarawa'), ('Pacific/Wallis', 'Pacific/Tarawa');

GRANT SELECT ON zone_links TO em_service, em_notifications;

-- A moment's time of day: in the zone, else in the one that it is a link to, else in UTC.
CREATE FUNCTION local_time(moment timestamptz, zone text) RETURNS timestamp LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp AS $$
BEGIN
    RETURN moment AT TIME ZONE zone;
EXCEPTION WHEN invalid_parameter_value THEN
    BEGIN
        RETURN moment AT TIME ZONE coalesce((SELECT target FROM zone_links WHERE name = zone), 'UTC');
    EXCEPTION WHEN invalid_parameter_value THEN
        RETURN moment AT TIME ZONE 'UTC';
    END;
END
$$;

-- The moment at which it is so late there.
CREATE FUNCTION moment_of(local timestamp, zone text) RETURNS timestamptz LANGUAGE plpgsql STABLE
SET search_path = public, pg_temp AS $$
BEGIN
    RETURN local AT TIME ZONE zone;
EXCEPTION WHEN invalid_parameter_value THEN
    BEGIN
        RETURN local AT TIME ZONE coalesce((SELECT target FROM zone_links WHERE name = zone), 'UTC');
    EXCEPTION WHEN invalid_parameter_value THEN
        RETURN local AT TIME ZONE 'UTC';
    END;
END
$$;
