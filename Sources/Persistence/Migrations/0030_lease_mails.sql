-- Mails go by leases: whoever sends one has it for a while, and no transaction is open meanwhile. What failed waits in its
-- row until it is due, and not in the broker: however many messages ask for it, it is tried when its time has come.
ALTER TABLE notifications
    ADD COLUMN lease_token uuid,
    ADD COLUMN lease_until timestamptz,
    -- Failed attempts since it was planned, or since it was last asked for again; and those of which nobody knows what
    -- became of them.
    ADD COLUMN tries integer NOT NULL DEFAULT 0,
    ADD COLUMN unknown_tries integer NOT NULL DEFAULT 0,
    -- When it is asked for again: because its time has come, because its worker has died, or because nothing came of it.
    ADD COLUMN ask_at timestamptz,
    -- When the mail server last refused us while it had this mail.
    ADD COLUMN blamed_us_at timestamptz;
UPDATE notifications SET ask_at = next_attempt_at WHERE status = 'retrying';
CREATE INDEX notifications_to_ask_for ON notifications (ask_at) WHERE ask_at IS NOT NULL;

-- Sending also pauses by itself, when the mail server refuses us and not a mail: then one mail is tried from time to time.
ALTER TABLE sending
    -- The mail server's words; null of a pause that an administrator asked for.
    ADD COLUMN reason text,
    ADD COLUMN next_probe_at timestamptz,
    -- When such a pause last ended because a mail was accepted.
    ADD COLUMN proved_at timestamptz;
GRANT UPDATE (paused_at, reason, next_probe_at, proved_at) ON sending TO em_notifications;
