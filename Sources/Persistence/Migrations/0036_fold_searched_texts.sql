-- Searching as people read: case, accents and width of letters don't count, ligatures are their letters.
CREATE EXTENSION IF NOT EXISTS unaccent;

-- A text as it is searched. The dictionary is named with its schema, so that the function may be called immutable.
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT lower(public.unaccent('public.unaccent'::regdictionary, lower(normalize($1, NFKC))))
$$;

-- Whether each of the words stands somewhere in the text.
CREATE FUNCTION has_words(searched text, words text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT bool_and(position(public.folded(word) IN hay) > 0)
    FROM (SELECT public.folded(searched) AS hay OFFSET 0) once, unnest(words) AS word
$$;
