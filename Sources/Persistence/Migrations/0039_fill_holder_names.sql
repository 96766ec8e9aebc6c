-- transaction: none
-- In steps, each committed by itself: nobody who cancels meanwhile waits for more than one.
DO $$
DECLARE
    last uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        WITH step AS (
            SELECT id FROM registrations WHERE id > last ORDER BY id LIMIT 2000
        ), filled AS (
            UPDATE registrations r SET holder_name = u.display_name
            FROM users u WHERE r.id IN (SELECT id FROM step) AND u.id = r.user_id AND r.holder_name IS NULL
        )
        SELECT (SELECT id FROM step ORDER BY id DESC LIMIT 1) INTO last;
        EXIT WHEN last IS NULL;
        COMMIT;
    END LOOP;
END
$$;
ALTER TABLE registrations VALIDATE CONSTRAINT registrations_holder_has_a_name;
CREATE INDEX CONCURRENTLY IF NOT EXISTS registrations_by_name
    ON registrations (event_id, holder_name COLLATE names, id);
