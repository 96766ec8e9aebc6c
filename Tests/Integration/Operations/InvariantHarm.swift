import Domain
import Persistence
import Postgres

/// Breaks one invariant of one event, and nothing else.
struct InvariantHarm: Sendable {
    var invariant: Invariant
    /// On a full event with a line, or on one with room and nobody waiting.
    var needsLine = false
    var statements: @Sendable (EventID) -> [SQL]

    /// What stands in the way of the harm.
    static let loosening: [SQL] = [
        "ALTER TABLE event_places DROP CONSTRAINT event_places_never_oversold",
        "DROP INDEX registrations_one_active", "DROP INDEX registrations_line_people", "DROP INDEX tickets_one_valid",
        "DROP INDEX outbox_sequence", "DROP INDEX check_ins_once_per_registration",
        "ALTER TABLE check_ins DROP CONSTRAINT check_ins_once",
    ]

    static let all: [InvariantHarm] = [
        InvariantHarm(invariant: .placesMissing) { ["DELETE FROM event_places WHERE event_id = \($0)"] },
        InvariantHarm(invariant: .confirmedCounter) {
            ["UPDATE event_places SET confirmed = confirmed + 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .confirmedCounter) {
            ["UPDATE event_places SET confirmed = confirmed - 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .waitlistedCounter, needsLine: true) {
            ["UPDATE event_places SET waitlisted = waitlisted + 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .oversold, needsLine: true) {
            ["UPDATE event_places SET capacity = capacity - 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .idlePlaces, needsLine: true) {
            ["UPDATE event_places SET capacity = capacity + 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .idlePlaces, needsLine: true) {
            [
                "UPDATE events SET registration_closes_at = now() - interval '1 hour' WHERE id = \($0)",
                "UPDATE event_places SET capacity = capacity + 1 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .lineNumberAhead, needsLine: true) {
            ["UPDATE event_places SET last_line_number = last_line_number - 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .lineNumberTwice, needsLine: true) {
            ["UPDATE registrations SET line_number = 1 WHERE event_id = \($0) AND line_number = 2"]
        },
        InvariantHarm(invariant: .overtakenInLine, needsLine: true) {
            [
                """
                UPDATE registrations SET line_number = 3 WHERE id = (
                    SELECT id FROM registrations WHERE event_id = \($0) AND status = 'confirmed' LIMIT 1)
                """,
                "UPDATE event_places SET last_line_number = 3 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .registeredTwice) {
            [
                """
                UPDATE registrations SET user_id = (
                    SELECT user_id FROM registrations WHERE event_id = \($0) ORDER BY created_at, id LIMIT 1)
                WHERE event_id = \($0)
                """,
                """
                UPDATE tickets SET user_id = r.user_id FROM registrations r
                WHERE r.id = tickets.registration_id AND r.event_id = \($0)
                """,
            ]
        },
        InvariantHarm(invariant: .ticketMissing) {
            [
                "DELETE FROM tickets WHERE id = (SELECT id FROM tickets WHERE event_id = \($0) LIMIT 1)",
                "UPDATE registrations SET confirmed_at = now() - interval '1 hour' WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .ticketTwice) {
            [
                """
                INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text, issue)
                SELECT gen_random_uuid(), registration_id, event_id, user_id, gen_random_uuid()::text, '', 2
                FROM tickets WHERE event_id = \($0) LIMIT 1
                """
            ]
        },
        InvariantHarm(invariant: .ticketWithoutPlace) { ["UPDATE events SET status = 'cancelled' WHERE id = \($0)"] },
        InvariantHarm(invariant: .ticketWithoutPlace) {
            [
                """
                UPDATE registrations SET status = 'cancelled' WHERE id = (
                    SELECT id FROM registrations WHERE event_id = \($0) LIMIT 1)
                """,
                "UPDATE event_places SET confirmed = confirmed - 1 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .ticketMismatch) {
            [
                """
                UPDATE tickets SET user_id = (
                    SELECT user_id FROM tickets WHERE event_id = \($0) ORDER BY user_id DESC LIMIT 1)
                WHERE id = (SELECT id FROM tickets WHERE event_id = \($0) ORDER BY user_id LIMIT 1)
                """
            ]
        },
        InvariantHarm(invariant: .checkInMismatch) {
            [
                """
                INSERT INTO check_ins (id, ticket_id, event_id, registration_id, by_user_id)
                SELECT gen_random_uuid(), t.id, t.event_id, r.id, t.user_id
                FROM tickets t JOIN registrations r ON r.event_id = t.event_id AND r.id <> t.registration_id
                WHERE t.event_id = \($0) LIMIT 1
                """
            ]
        },
        InvariantHarm(invariant: .checkInAfterRevocation) {
            [
                """
                WITH revoked AS (
                    INSERT INTO tickets
                        (id, registration_id, event_id, user_id, code, qr_text, issue, status, revoked_at)
                    SELECT gen_random_uuid(), registration_id, event_id, user_id, gen_random_uuid()::text, '', 0,
                        'revoked', now() - interval '1 hour'
                    FROM tickets WHERE event_id = \($0) LIMIT 1
                    RETURNING *
                )
                INSERT INTO check_ins (id, ticket_id, event_id, registration_id, by_user_id)
                SELECT gen_random_uuid(), id, event_id, registration_id, user_id FROM revoked
                """
            ]
        },
        InvariantHarm(invariant: .admittedWithoutPlace) {
            [
                """
                INSERT INTO check_ins (id, ticket_id, event_id, registration_id, by_user_id)
                SELECT gen_random_uuid(), id, event_id, registration_id, user_id FROM tickets
                WHERE event_id = \($0) LIMIT 1
                """,
                """
                UPDATE registrations SET status = 'cancelled', cancelled_at = now() WHERE id IN (
                    SELECT registration_id FROM check_ins WHERE event_id = \($0))
                """,
                "UPDATE tickets SET status = 'revoked', revoked_at = now() WHERE event_id = \($0) AND id IN (SELECT ticket_id FROM check_ins)",
                "UPDATE event_places SET confirmed = confirmed - 1 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .admittedTwice) {
            [
                """
                INSERT INTO check_ins (id, ticket_id, event_id, registration_id, by_user_id)
                SELECT gen_random_uuid(), t.id, t.event_id, t.registration_id, t.user_id
                FROM (SELECT * FROM tickets WHERE event_id = \($0) LIMIT 1) t, generate_series(1, 2)
                """
            ]
        },
        InvariantHarm(invariant: .sequenceBroken) {
            [
                "UPDATE outbox SET sequence = 4 WHERE event_id = \($0) AND sequence = 3",
                "UPDATE outbox_sequences SET last = 4 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .sequenceBroken) {
            ["UPDATE outbox SET sequence = 3 WHERE event_id = \($0) AND sequence = 2"]
        },
        InvariantHarm(invariant: .sequenceCounter) {
            ["UPDATE outbox_sequences SET last = last + 1 WHERE event_id = \($0)"]
        },
        InvariantHarm(invariant: .sequenceCounter) { ["DELETE FROM outbox_sequences WHERE event_id = \($0)"] },
        InvariantHarm(invariant: .publishedWithoutSequence) {
            [
                "UPDATE outbox SET sequence = NULL WHERE event_id = \($0) AND sequence = 3",
                "UPDATE outbox_sequences SET last = 2 WHERE event_id = \($0)",
            ]
        },
        InvariantHarm(invariant: .unpublished) {
            [
                """
                UPDATE outbox SET published_at = NULL, occurred_at = now() - interval '1 hour'
                WHERE event_id = \($0) AND sequence = 2
                """
            ]
        },
        InvariantHarm(invariant: .unshown) {
            [
                """
                UPDATE outbox SET live_at = NULL, occurred_at = now() - interval '1 hour'
                WHERE event_id = \($0) AND sequence = 2
                """
            ]
        },
        InvariantHarm(invariant: .notificationOverdue) {
            [
                """
                INSERT INTO notifications (id, user_id, event_id, cause_id, kind, status, next_attempt_at)
                SELECT gen_random_uuid(), owner_id, id, gen_random_uuid(), 'test', 'retrying',
                    now() - interval '1 hour'
                FROM events WHERE id = \($0)
                """
            ]
        },
        InvariantHarm(invariant: .stepsOverdue) {
            [
                """
                INSERT INTO pending_steps (kind, subject_id, advanced_at)
                VALUES ('event.capacity', \($0), now() - interval '1 hour')
                """
            ]
        },
    ]
}
