public import Domain
public import Postgres

/// The export of everything stored about one person, as one JSON document: for themselves (GDPR, articles 15 and 20).
public struct AccountExport: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The document, built by the database in one statement, so that its parts are consistent; nil if there is no such
    /// person. It contains no hash of a password or token: those are not data about the person.
    public func document(of user: UserID) async throws -> String? {
        try await database.list(
            """
            SELECT json_build_object(
                'exportedAt', now(),
                'account', json_build_object('id', u.id, 'email', u.email, 'displayName', u.display_name,
                    'role', u.role, 'createdAt', u.created_at, 'emailVerifiedAt', u.email_verified_at),
                'emailChange', (SELECT json_build_object('oldEmail', c.old_email, 'newEmail', c.new_email,
                    'requestedAt', c.requested_at, 'confirmedAt', c.confirmed_at)
                    FROM email_changes c WHERE c.user_id = u.id),
                'sessions', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'device', s.device,
                    'createdAt', s.created_at, 'lastUsedAt', s.last_used_at, 'expiresAt', s.expires_at,
                    'endedAt', s.revoked_at) ORDER BY s.created_at), '[]') FROM sessions s WHERE s.user_id = u.id),
                'apiKeys', (SELECT coalesce(json_agg(json_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes,
                    'createdAt', k.created_at, 'expiresAt', k.expires_at, 'revokedAt', k.revoked_at,
                    'lastUsedAt', k.last_used_at) ORDER BY k.created_at), '[]') FROM api_keys k WHERE k.user_id = u.id),
                'subscriptions', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'name', s.name,
                    'scope', s.scope, 'types', s.types, 'delivery', s.delivery, 'url', s.url, 'status', s.status,
                    'createdAt', s.created_at) ORDER BY s.created_at), '[]') FROM subscriptions s
                    WHERE s.user_id = u.id),
                'registrations', (SELECT coalesce(json_agg(json_build_object('id', r.id, 'eventId', r.event_id,
                    'event', e.title, 'startsAt', e.starts_at,
                    'status', CASE WHEN e.status = 'cancelled' THEN 'cancelled' ELSE r.status END,
                    'createdAt', r.created_at, 'confirmedAt', r.confirmed_at,
                    'cancelledAt', coalesce(r.cancelled_at, e.cancelled_at),
                    'cancellationReason', r.cancellation_reason) ORDER BY r.created_at), '[]')
                    FROM registrations r JOIN events e ON e.id = r.event_id WHERE r.user_id = u.id),
                'tickets', (SELECT coalesce(json_agg(json_build_object('id', t.id, 'eventId', t.event_id,
                    'registrationId', t.registration_id, 'code', t.code, 'status', \(fragment: TicketStore.shownStatus),
                    'issuedAt', t.issued_at, 'revokedAt', \(fragment: TicketStore.shownRevocation), 'checkedInAt', i.at, 'gate', i.gate) ORDER BY t.issued_at), '[]')
                    FROM tickets t JOIN events e ON e.id = t.event_id LEFT JOIN check_ins i ON i.ticket_id = t.id
                    WHERE t.user_id = u.id),
                'ticketTransfers', (SELECT coalesce(json_agg(json_build_object('id', x.id, 'ticketId', x.ticket_id,
                    'byMe', x.from_user_id = u.id, 'to', x.recipient_email, 'status', x.status,
                    'createdAt', x.created_at, 'settledAt', x.settled_at) ORDER BY x.created_at), '[]')
                    FROM ticket_transfers x WHERE x.from_user_id = u.id OR x.to_user_id = u.id),
                'notifications', (SELECT coalesce(json_agg(json_build_object('id', n.id, 'kind', n.kind,
                    'eventId', n.event_id, 'channel', n.channel, 'status', n.status, 'createdAt', n.created_at,
                    'sentAt', n.sent_at) ORDER BY n.created_at), '[]') FROM notifications n WHERE n.user_id = u.id),
                'events', (SELECT coalesce(json_agg(json_build_object('id', e.id, 'title', e.title,
                    'description', e.description, 'venue', e.venue, 'startsAt', e.starts_at, 'endsAt', e.ends_at,
                    'status', e.status, 'createdAt', e.created_at) ORDER BY e.created_at), '[]')
                    FROM events e WHERE e.owner_id = u.id),
                'announcements', (SELECT coalesce(json_agg(json_build_object('id', a.id, 'eventId', a.event_id,
                    'title', a.title, 'body', a.body, 'at', a.at) ORDER BY a.at), '[]')
                    FROM announcements a WHERE a.author_id = u.id),
                'teams', (SELECT coalesce(json_agg(json_build_object('eventId', m.event_id, 'role', m.role,
                    'since', m.created_at) ORDER BY m.created_at), '[]') FROM event_members m WHERE m.user_id = u.id),
                'audit', (SELECT coalesce(json_agg(json_build_object('at', a.at, 'action', a.action,
                    'byMe', coalesce(a.actor_id = u.id, false), 'eventId', a.event_id) ORDER BY a.id), '[]')
                    FROM audit a WHERE a.subject_id = u.id)
            )::text AS document
            FROM users u WHERE u.id = \(user) AND u.deleted_at IS NULL
            """
        ).first?.decode("document")
    }
}
