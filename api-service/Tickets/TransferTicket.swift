import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Transfers a ticket: the holder names an address, and whoever has the emailed link accepts.
struct TransferTicket: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Parameter email: lower-case; with or without an account.
    /// - Throws: ``DomainError``: validationFailed for the holder's own address, and those of
    ///   ``TransferStore/offer(_:to:now:on:)``.
    func offer(_ ticket: TicketID, to email: String, by holder: Principal) async throws -> TicketTransfer {
        if try await stores.users.find(holder.userID)?.email == email {
            throw DomainError.validationFailed([FieldError(field: "email", .ownEmail)])
        }
        let now = clock()
        return try await stores.database.transaction { transaction in
            try await stores.transfers.offer(ticket, to: email, now: now, on: transaction)
        }
    }

    /// Does nothing without an offer.
    func withdraw(_ ticket: Ticket, by holder: Principal) async throws {
        let now = clock()
        try await stores.change { transaction in
            guard try await stores.transfers.withdraw(ticket.id, now: now, on: transaction) else { return .unchanged }
            return Change(
                AuditRecord(
                    "ticket.transfer-withdrawn", by: holder.userID, subject: ticket.id.uuid, event: ticket.eventID))
        }
    }

    /// - Throws: ``DomainError/linkInvalid``, ``DomainError/emailNotVerified``, and those of ``TransferStore/accept(_:by:now:on:)``.
    func accept(_ token: SecretToken?, by recipient: Principal) async throws -> RegistrationID {
        guard let token, let transfer = try await stores.transfers.find(link: token.hash) else {
            throw DomainError.linkInvalid
        }
        // The link confirms the address that it was sent to, and no other.
        guard let person = try await stores.users.find(recipient.userID) else { throw DomainError.notAuthenticated }
        if person.emailVerifiedAt == nil, person.email != transfer.recipientEmail { throw DomainError.emailNotVerified }
        let now = clock()
        // The counts are unchanged, but not who is registered, so cached event data is invalidated.
        defer { stores.eventCache.invalidate(transfer.eventID) }
        return try await stores.database.transaction { transaction in
            try await stores.transfers.accept(transfer, by: recipient.userID, now: now, on: transaction)
        }
    }
}
