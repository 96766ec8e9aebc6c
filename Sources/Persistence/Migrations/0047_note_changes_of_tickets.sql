-- In which transaction a ticket or a check-in last changed, so that a gate gets what changed since its list and no more.
-- Empty for what is older than this column.
ALTER TABLE tickets ADD COLUMN changed_in xid8;
ALTER TABLE tickets ALTER COLUMN changed_in SET DEFAULT pg_current_xact_id();
ALTER TABLE check_ins ADD COLUMN changed_in xid8;
ALTER TABLE check_ins ALTER COLUMN changed_in SET DEFAULT pg_current_xact_id();

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END
$$;
CREATE TRIGGER check_ins_note_change BEFORE UPDATE ON check_ins FOR EACH ROW EXECUTE FUNCTION note_change();
CREATE TRIGGER tickets_note_rename BEFORE UPDATE OF holder_renames ON tickets
    FOR EACH ROW EXECUTE FUNCTION note_change();

-- Of a cancelled event all tickets read as revoked already: that its steps revoke them one by one is no news.
CREATE FUNCTION note_ticket_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM events WHERE id = NEW.event_id AND status = 'cancelled') THEN
        NEW.changed_in := pg_current_xact_id();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tickets_note_status BEFORE UPDATE OF status ON tickets
    FOR EACH ROW WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION note_ticket_status();

-- A check-in that is taken back leaves no row: its tickets tell of it.
CREATE FUNCTION note_removed_check_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET changed_in = pg_current_xact_id() WHERE registration_id = OLD.registration_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER check_ins_note_removal AFTER DELETE ON check_ins
    FOR EACH ROW EXECUTE FUNCTION note_removed_check_in();
