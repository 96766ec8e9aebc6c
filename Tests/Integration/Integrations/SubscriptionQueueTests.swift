import AMQP
@testable import api_service
import Access
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Testing
import TestSupport
import Webhooks

/// The broker's queues follow the rows, whatever happens in between.
@Suite("The queues of subscriptions")
struct SubscriptionQueueTests {
    private struct World {
        let messaging: MessagingWorld
        let stores: Stores
        let queues: SubscriptionQueues
        let person: User

        var principal: Principal {
            Principal(userID: person.id, role: .admin, sessionID: SessionID(), expiresAt: .distantFuture)
        }

        /// With queues, as the service has them; without, as one who dies right after the commit.
        func manage(_ queues: SubscriptionQueues?) -> ManageSubscriptions {
            ManageSubscriptions(stores: stores, queues: queues, webhookKey: WebhookKey(), clock: { Date() })
        }

        func reconciler() -> SubscriptionReconciler {
            SubscriptionReconciler(stores: stores, queues: queues, logger: Broker.quiet)
        }

        func new(_ name: String = "CRM") -> ManageSubscriptions.NewSubscription {
            .init(name: name, scope: .all, types: [.every], delivery: .queue, url: nil)
        }

        func make(_ new: ManageSubscriptions.NewSubscription) async throws -> Subscription {
            let made = try await manage(queues).create(new, by: principal, once: nil) { _ in
                StoredResponse(status: 201, body: "{}")
            }.made
            return try #require(made?.0)
        }

        func exists(_ id: SubscriptionID) async throws -> Bool {
            do {
                let name = "\(messaging.names.prefix)\(SubscriptionQueues.name(of: id))"
                _ = try await messaging.publisher.queueStatus(name)
                return true
            } catch let error {
                guard case .channelClosed(404, _) = error.kind else { throw error }
                return false
            }
        }

        /// Returns when it is in every queue that wants it.
        func publish(_ type: String, body: String = "{}") async throws {
            try await messaging.publisher.publish(
                Message(
                    exchange: messaging.names.events, routingKey: type, body: Array(body.utf8), mandatory: false))
        }

        func rows() async throws -> Int {
            try await messaging.count("SELECT count(*) AS count FROM subscriptions")
        }
    }

    private func run(_ test: (World) async throws -> Void) async throws {
        try await MessagingWorld.run { messaging in
            let person = try await messaging.database.person(role: .admin)
            let queues = SubscriptionQueues(publisher: messaging.publisher, names: messaging.names)
            let world = World(
                messaging: messaging, stores: Stores(messaging.database.database), queues: queues, person: person)
            let failure: (any Error)?
            do {
                try await test(world)
                failure = nil
            } catch { failure = error }
            for queue in try await world.stores.subscriptions.queues() { try await queues.remove(queue.id) }
            if let failure { throw failure }
        }
    }

    @Test("what was not committed leaves nothing behind; the control, told to the broker before the commit, does")
    func uncommitted() async throws {
        try await run { world in
            // Fails the commit, and nothing before it.
            try await world.messaging.database.owner.execute(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$
                """)
            try await world.messaging.database.owner.execute(
                """
                CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON subscriptions DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (NEW.name = 'doomed') EXECUTE FUNCTION refuse()
                """)
            let made = try await world.make(world.new())
            #expect(try await world.exists(made.id))
            var doomed: Subscription?
            await #expect(throws: (any Error).self) {
                _ = try await world.manage(world.queues).create(
                    world.new("doomed"), by: world.principal, once: nil
                ) {
                    doomed = $0
                    return StoredResponse(status: 201, body: "{}")
                }
            }
            let lost = try #require(doomed)
            #expect(try await !world.exists(lost.id))
            await #expect(throws: (any Error).self) {
                try await world.stores.database.transaction { transaction in
                    try await world.stores.subscriptions.insert(lost, passwordHash: nil, on: transaction)
                    let queue = try #require(
                        try await world.stores.subscriptions.holdQueue(lost.id, on: transaction))
                    try await world.queues.settle(queue)
                }
            }
            #expect(try await world.exists(lost.id))
            try await world.queues.remove(lost.id)
            #expect(try await world.rows() == 1)
        }
    }

    @Test("whoever dies between the commit and the broker leaves the rest to the next look")
    func overtaken() async throws {
        try await run { world in
            let reconciler = world.reconciler()
            var progress = SubscriptionReconciler.Progress()
            // Made, and the broker not told.
            let id = SubscriptionID()
            let subscription = Subscription(
                id: id, of: world.person.id, name: "CRM", scope: .all, types: [.every], delivery: .queue, url: nil,
                createdAt: Date())
            try await world.stores.database.transaction { transaction in
                try await world.stores.subscriptions.insert(subscription, passwordHash: nil, on: transaction)
            }
            #expect(try await !world.exists(id))
            await reconciler.round(&progress)
            #expect(try await world.exists(id))

            // Other types: what is unbound is what it had.
            let queue = "\(world.messaging.names.prefix)\(SubscriptionQueues.name(of: id))"
            let edited = try await world.manage(nil).edit(
                id, .init(types: [.init("em.ticket.*")!]), by: world.principal)
            #expect(edited.types.count == 1)
            await reconciler.round(&progress)
            try await world.publish("em.event.published")
            try await world.publish("em.ticket.issued")
            #expect(try await world.messaging.publisher.queueStatus(queue).messages == 1)

            _ = try await world.messaging.database.person(role: .admin)  // the last one stays
            // Nobody may have it while its person is no admin; it comes back with the role.
            for (role, isThere) in [(Role.organizer, false), (.admin, true)] {
                try await world.stores.database.transaction { transaction in
                    _ = try await world.stores.users.setRole(role, of: world.person.id, on: transaction)
                }
                await reconciler.round(&progress)
                #expect(try await world.exists(id) == isThere)
            }

            // Deleted: hidden at once, gone from the broker with the next look, and then from the table.
            try await world.manage(nil).remove(id, by: world.principal)
            #expect(try await world.stores.subscriptions.find(id, of: world.person.id) == nil)
            #expect(try await world.exists(id))
            await reconciler.round(&progress)
            #expect(try await !world.exists(id))
            #expect(try await world.rows() == 0)
        }
    }

    @Test("what an edit took away and nobody told the broker of is unbound by whoever comes next, and only that")
    func editedAndForgotten() async throws {
        try await run { world in
            let made = try await world.make(world.new())
            let queue = "\(world.messaging.names.prefix)\(SubscriptionQueues.name(of: made.id))"
            // The broker is away, or the editor dies; then every process is another one, which remembers nothing.
            for types in [["em.ticket.*", "em.event.*"], ["em.registration.*", "em.event.*"]] {
                _ = try await world.manage(nil).edit(
                    made.id, .init(types: types.map { MessagePattern($0)! }), by: world.principal)
            }
            // The control: the broker still has what it was told first.
            try await world.publish("em.ticket.issued")
            #expect(try await world.messaging.publisher.queueStatus(queue).messages == 1)
            var progress = SubscriptionReconciler.Progress()
            await world.reconciler().round(&progress)
            for type in ["em.ticket.issued", "em.announcement.posted", "em.registration.confirmed", "em.event.updated"]
            {
                try await world.publish(type)
            }
            #expect(try await world.messaging.publisher.queueStatus(queue).messages == 3)

            // Said once: the next look has nothing to unbind, and one who comes anew neither.
            #expect(try await world.stores.subscriptions.queues().map(\.formerTypes) == [[]])
            // Wanted again, and paused with other types: nothing comes in by either.
            _ = try await world.manage(nil).edit(
                made.id, .init(types: [.every], status: .paused), by: world.principal)
            var another = SubscriptionReconciler.Progress()
            await world.reconciler().round(&another)
            try await world.publish("em.event.updated")
            #expect(try await world.messaging.publisher.queueStatus(queue).messages == 3)
        }
    }

    @Test("two who change one at the same time leave the broker as the row is")
    func atOnce() async throws {
        try await run { world in
            let made = try await world.make(world.new())
            let patterns = ["em.ticket.*", "em.event.*", "em.registration.*", "em.announcement.*"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for pattern in patterns {
                    group.addTask {
                        _ = try await world.manage(world.queues).edit(
                            made.id, .init(types: [.init(pattern)!]), by: world.principal)
                    }
                }
                try await group.waitForAll()
            }
            let types = try #require(
                try await world.stores.subscriptions.find(made.id, of: world.person.id)
            ).types.map(\.description)
            let queue = "\(world.messaging.names.prefix)\(SubscriptionQueues.name(of: made.id))"
            for pattern in patterns {
                try await world.publish(pattern.replacing("*", with: "told"), body: pattern)
            }
            #expect(try await world.messaging.publisher.queueStatus(queue).messages == 1)
            let consumer = world.messaging.broker.consumer(of: queue)
            let heard = try await consumer.deliveries.take(1)
            #expect(heard.map { String(decoding: $0.message.body, as: UTF8.self) } == types)
            await consumer.close()
        }
    }
}
