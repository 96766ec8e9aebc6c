-- Of a million people, those with some letters in their address or name are found by an index of three letters each.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- What LIKE has to be given to find a text as it is searched.
CREATE FUNCTION pattern_of(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT regexp_replace(public.folded($1), '([\\%_])', '\\\1', 'g')
$$;
