-- Times of day in an event's zone, for statements that go through many events: one of them must not fail for the name of a
-- zone that this server's time zone data lacks.

UPDATE events SET time_zone = regexp_replace(time_zone, '^(posix|right)/', '') WHERE time_zone ~ '^(posix|right)/';

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
