public import AMQP
import Domain
import FailPoints

extension Topology {
    /// The exchanges, queues and bindings of the message contract: the same on RabbitMQ 3.10 and 4.x.
    public static let emConnect = Topology(workers: WorkerQueue.all)

    /// An empty topology, for workers, whose broker users can only consume their queues and publish to the retry and
    /// dead-letter exchanges. api-service's relay declares everything whenever it connects; a worker that starts
    /// earlier retries until it has.
    public static let declaredByTheRelay = Topology()

    /// The exchanges of `names`, and the queues of the workers.
    ///
    /// Queues are quorum queues. Dead-lettering is at-least-once, which requires `reject-publish` (without a length
    /// limit, nothing is ever rejected). The delivery limit is for messages that kill their worker before it can count:
    /// 20 is RabbitMQ 4's default. Operators lower limits by policies, which need no new declaration.
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
        // Browsing parked messages must not drop them: RabbitMQ 4 has a delivery limit of 20 unless set otherwise, and
        // RabbitMQ 3.10 has no value for "none".
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

    /// The queues that a message published to this exchange has to reach.
    func carries(_ routingKey: String, from exchange: String) -> [String] {
        carried.compactMap { route in
            guard route.source == exchange, route.routingKey == routingKey || route.routingKey == "#",
                case .queue(let queue) = route.destination
            else { return nil }
            return queue
        }
    }

    /// The queues whose loss means lost messages: those of workers, without their delay and parking queues.
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
