public import AMQP
import Domain
import FailPoints

extension Topology {
    /// The exchanges, queues and bindings of the message contract: the same on RabbitMQ 3.10 and 4.x.
    public static let emConnect = Topology(workers: WorkerQueue.all)

    /// Nothing: for workers, whose users of the broker may read their queues and hand messages to the retry and
    /// dead-letter exchanges, and nothing else. api-service's relay declares everything whenever it connects; a worker
    /// that comes first tries again until it has.
    public static let declaredByTheRelay = Topology()

    /// The exchanges of `names`, and the queues of the workers.
    ///
    /// Queues are quorum queues. Dead-lettering is at-least-once, which asks for `reject-publish` (without a length
    /// limit nothing is ever rejected). The delivery limit is for messages that kill their worker before it can count:
    /// 20 is what RabbitMQ 4 takes by default. Operators lower limits by policies, which needs no new declaration.
    public init(workers: [WorkerQueue], names: BrokerNames = .emConnect) {
        self.init(
            exchanges: [
                Exchange(name: names.events, kind: .topic),
                Exchange(name: names.scoped, kind: .headers),
                Exchange(name: names.work, kind: .direct),
                Exchange(name: names.retry, kind: .direct),
                Exchange(name: names.dead, kind: .direct),
            ],
            bindings: [Binding(source: names.events, destination: .exchange(names.scoped), routingKey: "#")])
        for worker in workers { add(worker) }
    }

    private mutating func add(_ worker: WorkerQueue) {
        let names = worker.names
        queues.append(
            Queue(
                name: worker.name,
                arguments: [
                    "x-queue-type": "quorum", "x-delivery-limit": 20, "x-overflow": "reject-publish",
                    "x-dead-letter-exchange": .string(names.dead),
                    "x-dead-letter-routing-key": .string(worker.name), "x-dead-letter-strategy": "at-least-once",
                ]))
        // Looking at parked messages must not throw them away: RabbitMQ 4 has a delivery limit of 20 unless told
        // otherwise, and RabbitMQ 3.10 knows no word for "none".
        queues.append(
            Queue(name: worker.parked, arguments: ["x-queue-type": "quorum", "x-delivery-limit": 1_000_000]))
        bindings.append(Binding(source: names.dead, destination: .queue(worker.parked), routingKey: worker.name))
        let facts = worker.facts.map(\.rawValue) + (worker.readsAllFacts ? ["#"] : [])
        let routes = facts.map { Binding(source: names.events, destination: .queue(worker.name), routingKey: $0) }
        if FailPoint.mutates(.trustBindings) { bindings += routes } else { carried += routes }
        for work in worker.work {
            bindings.append(Binding(source: names.work, destination: .queue(worker.name), routingKey: work.rawValue))
        }
        for rung in worker.ladder.rungs {
            let queue = worker.retryQueue(rung)
            queues.append(
                Queue(
                    name: queue,
                    arguments: [
                        "x-queue-type": "quorum", "x-message-ttl": .int(rung.delay.milliseconds),
                        "x-max-length": 500_000, "x-overflow": "reject-publish",
                        // The default exchange: back to the worker's queue by its name.
                        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(worker.name),
                        "x-dead-letter-strategy": "at-least-once",
                    ]))
            bindings.append(Binding(source: names.retry, destination: .queue(queue), routingKey: queue))
        }
    }

    /// The queues that a message has to reach, for whoever publishes it to this exchange.
    func carries(_ routingKey: String, from exchange: String) -> [String] {
        carried.compactMap { route in
            guard route.source == exchange, route.routingKey == routingKey || route.routingKey == "#",
                case .queue(let queue) = route.destination
            else { return nil }
            return queue
        }
    }

    /// The queues whose loss means that messages are lost: those of workers, not what belongs to them.
    var workQueues: [String] {
        let ends = (carried + bindings).compactMap { route -> String? in
            if case .queue(let queue) = route.destination { queue } else { nil }
        }
        return queues.map(\.name).filter { name in
            ends.contains(name) && !name.hasSuffix(".parked") && !name.contains(".retry.")
        }
    }
}

extension Duration {
    var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }

    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
