-- The holder's name stands beside the registration, so that an event's attendees are sorted by name by an index.
-- Of our own, so that the migrator may mend what a new version of ICU sorts in another way.
CREATE COLLATION names (provider = icu, locale = 'und');

ALTER TABLE registrations ADD COLUMN holder_name text;
ALTER TABLE registrations ADD CONSTRAINT registrations_holder_has_a_name CHECK (holder_name IS NOT NULL) NOT VALID;

CREATE FUNCTION name_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Of nobody, the foreign key will say that there is nobody.
    NEW.holder_name := coalesce((SELECT display_name FROM users WHERE id = NEW.user_id), '');
    RETURN NEW;
END
$$;
-- Whoever registers a person names them; this is for services of the version before, and for rows from before this
-- column that are changed before the next migration comes to them.
CREATE TRIGGER registrations_name_holder BEFORE INSERT OR UPDATE ON registrations
    FOR EACH ROW WHEN (NEW.holder_name IS NULL) EXECUTE FUNCTION name_holder();
CREATE TRIGGER registrations_name_new_holder BEFORE UPDATE OF user_id ON registrations
    FOR EACH ROW EXECUTE FUNCTION name_holder();

CREATE FUNCTION rename_holders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE registrations SET holder_name = NEW.display_name WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_rename_holders AFTER UPDATE OF display_name ON users
    FOR EACH ROW WHEN (OLD.display_name IS DISTINCT FROM NEW.display_name) EXECUTE FUNCTION rename_holders();
