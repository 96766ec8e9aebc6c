import Domain
import Postgres

// The statements of the invariant check. Each returns the rows that should not exist, as (invariant, event_id,
// subject_id, detail, since); `since` only for stuck work.
extension InvariantStore {
    /// For some events, each using an index.
    static func statements(of events: [EventID], ticketsAfter: Int) -> [SQL] {
        let overdue: SQL = "now() - \(ticketsAfter) * interval '1 second'"
        return [
            places(events), line(events), tickets(events, overdue: overdue), checkIns(events), sequences(events),
        ]
    }

    /// For all waiting work, which is little, whatever the history.
    static func statements(stuckAfter: Int) -> [SQL] {
        [backlogs(overdue: "now() - \(stuckAfter) * interval '1 second'")]
    }

    /// One count of the registrations serves every comparison with the counters. `is_promoting` is
    /// `RegistrationWindow.allowsPromotion`, in SQL.
    private static func places(_ events: [EventID]) -> SQL {
        """
        WITH counted AS (
            SELECT event_id,
                count(*) FILTER (WHERE status = 'confirmed') AS confirmed,
                count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted,
                max(line_number) AS last_number,
                min(line_number) FILTER (WHERE status = 'waitlisted') AS first_waiting,
                max(line_number) FILTER (WHERE confirmed_at IS NOT NULL) AS last_promoted
            FROM registrations WHERE event_id = ANY(\(events)) GROUP BY event_id
        ), compared AS (
            SELECT e.id, p.event_id IS NULL AS is_missing, p.capacity, p.last_line_number,
                p.confirmed AS confirmed_counter, coalesce(c.confirmed, 0) AS confirmed,
                p.waitlisted AS waitlisted_counter, coalesce(c.waitlisted, 0) AS waitlisted,
                c.last_number, c.first_waiting, c.last_promoted,
                e.status = 'published' AND e.ends_at > now()
                    AND (e.registration_closes_at IS NULL OR e.registration_closes_at > now()
                        OR e.promote_after_close) AS is_promoting
            FROM events e
            LEFT JOIN event_places p ON p.event_id = e.id
            LEFT JOIN counted c ON c.event_id = e.id
            WHERE e.id = ANY(\(events))
        )
        SELECT v.invariant, compared.id, NULL::uuid, v.detail, NULL::timestamptz
        FROM compared CROSS JOIN LATERAL (VALUES
            ('places-missing', is_missing, 'no row in event_places'),
            ('confirmed-counter', confirmed_counter <> confirmed,
                format('counter %s, rows %s', confirmed_counter, confirmed)),
            ('waitlisted-counter', waitlisted_counter <> waitlisted,
                format('counter %s, rows %s', waitlisted_counter, waitlisted)),
            ('oversold', greatest(confirmed_counter, confirmed) > capacity,
                format('capacity %s, counter %s, rows %s', capacity, confirmed_counter, confirmed)),
            ('idle-places', is_promoting AND waitlisted > 0 AND confirmed < capacity,
                format('%s in line, %s free', waitlisted, capacity - confirmed)),
            ('line-number-ahead', last_number > last_line_number,
                format('number %s, last drawn %s', last_number, last_line_number)),
            ('overtaken-in-line', first_waiting < last_promoted,
                format('number %s waits, number %s was promoted', first_waiting, last_promoted))
        ) v (invariant, is_broken, detail)
        WHERE v.is_broken
        """
    }

    private static func line(_ events: [EventID]) -> SQL {
        """
        SELECT 'registered-twice', event_id, user_id, format('%s active registrations', count(*)), NULL::timestamptz
        FROM registrations WHERE event_id = ANY(\(events)) AND status <> 'cancelled'
        GROUP BY event_id, user_id HAVING count(*) > 1
        UNION ALL
        SELECT 'line-number-twice', event_id, NULL, format('number %s, %s times', line_number, count(*)), NULL
        FROM registrations WHERE event_id = ANY(\(events)) AND line_number IS NOT NULL
        GROUP BY event_id, line_number HAVING count(*) > 1
        """
    }

    private static func tickets(_ events: [EventID], overdue: SQL) -> SQL {
        """
        SELECT 'ticket-missing', r.event_id, r.id, 'confirmed registration without a valid ticket',
            coalesce(r.confirmed_at, r.created_at)
        FROM registrations r JOIN events e ON e.id = r.event_id
        WHERE r.event_id = ANY(\(events)) AND r.status = 'confirmed' AND e.status <> 'cancelled'
            AND coalesce(r.confirmed_at, r.created_at) < \(fragment: overdue)
            AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.registration_id = r.id AND t.status = 'valid')
        UNION ALL
        SELECT 'ticket-twice', (array_agg(event_id))[1], registration_id, format('%s valid tickets', count(*)), NULL
        FROM tickets WHERE event_id = ANY(\(events)) AND status = 'valid' GROUP BY registration_id HAVING count(*) > 1
        UNION ALL
        SELECT 'ticket-without-place', t.event_id, t.id, format('registration %s, event %s', r.status, e.status), NULL
        FROM tickets t JOIN registrations r ON r.id = t.registration_id JOIN events e ON e.id = r.event_id
        WHERE t.event_id = ANY(\(events)) AND t.status = 'valid' AND (r.status <> 'confirmed' OR e.status = 'cancelled' AND NOT EXISTS (
            SELECT 1 FROM pending_steps s WHERE s.kind = 'event.cancellation' AND s.subject_id = e.id))
        UNION ALL
        SELECT 'ticket-mismatch', t.event_id, t.id, format('registration %s', r.id), NULL
        FROM tickets t JOIN registrations r ON r.id = t.registration_id
        WHERE t.event_id = ANY(\(events))
            AND (t.event_id <> r.event_id OR t.status = 'valid' AND t.user_id <> r.user_id)
        """
    }

    /// Both times are a service's clock when the request arrived, which may then have waited for the lock: a minute's
    /// difference is not a violation.
    private static func checkIns(_ events: [EventID]) -> SQL {
        """
        SELECT 'check-in-mismatch', c.event_id, c.id, format('ticket %s', t.id), NULL::timestamptz
        FROM check_ins c JOIN tickets t ON t.id = c.ticket_id
        WHERE c.event_id = ANY(\(events))
            AND (c.event_id <> t.event_id OR c.registration_id <> t.registration_id)
        UNION ALL
        SELECT 'check-in-after-revocation', c.event_id, c.id, format('ticket %s', t.id), NULL
        FROM check_ins c JOIN tickets t ON t.id = c.ticket_id
        WHERE c.event_id = ANY(\(events)) AND c.at > t.revoked_at + interval '1 minute'
        UNION ALL
        SELECT 'admitted-without-place', c.event_id, c.id, format('registration %s', r.status), NULL
        FROM check_ins c JOIN registrations r ON r.id = c.registration_id
        WHERE c.event_id = ANY(\(events)) AND r.status <> 'confirmed'
            -- A gate without a network let somebody in, and only later heard that they had left before it reported.
            AND NOT EXISTS (
                SELECT FROM scans s WHERE s.id = c.id AND s.is_offline AND s.at <= r.cancelled_at)
        UNION ALL
        SELECT 'admitted-twice', (array_agg(event_id))[1], registration_id, format('%s check-ins', count(*)), NULL
        FROM check_ins WHERE event_id = ANY(\(events)) GROUP BY registration_id HAVING count(*) > 1
        """
    }

    /// Old messages may have been pruned: the remaining numbers must be consecutive up to the last one assigned. Rows
    /// are pruned in the order of writing, numbers are assigned in the order of commits: at the pruning boundary, a few
    /// may be missing in between.
    private static func sequences(_ events: [EventID]) -> SQL {
        """
        SELECT 'sequence-broken', event_id, message_id, format('%s follows %s', sequence, before), NULL::timestamptz
        FROM (
            SELECT event_id, message_id, sequence,
                lag(sequence) OVER (PARTITION BY event_id ORDER BY sequence) AS before,
                first_value(sequence) OVER (PARTITION BY event_id ORDER BY sequence) AS first
            FROM outbox WHERE event_id = ANY(\(events)) AND sequence IS NOT NULL
        ) numbered
        WHERE sequence = before OR sequence <> before + 1 AND (first = 1 OR sequence > first + 1000)
        UNION ALL
        SELECT 'sequence-counter', highest.event_id, NULL,
            format('highest %s, last given %s', highest.sequence, coalesce(given.last::text, 'none')), NULL
        FROM (
            SELECT event_id, max(sequence) AS sequence FROM outbox
            WHERE event_id = ANY(\(events)) AND sequence IS NOT NULL GROUP BY event_id
        ) highest
        LEFT JOIN outbox_sequences given ON given.event_id = highest.event_id
        WHERE given.last IS DISTINCT FROM highest.sequence
        """
    }

    private static func backlogs(overdue: SQL) -> SQL {
        """
        SELECT 'published-without-sequence', event_id, message_id, type, NULL::timestamptz
        FROM outbox WHERE destination = 'events' AND sequence IS NULL AND published_at IS NOT NULL
        UNION ALL
        SELECT 'unpublished', event_id, message_id, type, occurred_at
        FROM outbox WHERE published_at IS NULL AND occurred_at < \(fragment: overdue)
        UNION ALL
        SELECT 'unshown', event_id, message_id, type, occurred_at
        FROM outbox WHERE live_at IS NULL AND occurred_at < \(fragment: overdue)
        UNION ALL
        SELECT 'notification-overdue', event_id, id, format('%s, %s, attempts: %s', kind, status, attempts),
            coalesce(next_attempt_at, created_at)
        FROM notifications
        WHERE status IN ('queued', 'retrying') AND coalesce(next_attempt_at, created_at) < \(fragment: overdue)
        UNION ALL
        SELECT 'steps-overdue', CASE WHEN kind LIKE 'event.%' THEN subject_id END, subject_id,
            format('%s, %s of %s', kind, done, total), advanced_at
        FROM pending_steps WHERE advanced_at < \(fragment: overdue)
        """
    }
}
