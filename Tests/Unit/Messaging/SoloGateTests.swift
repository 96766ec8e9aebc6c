import Synchronization
import Testing

@testable import Messaging

@Suite("Handling one message alone")
struct SoloGateTests {
    private final class Presence: Sendable {
        private let state = Mutex((inside: 0, alone: false, violations: 0))

        var violations: Int { state.withLock { $0.violations } }

        func enter(alone: Bool) {
            state.withLock { state in
                if state.alone || alone && state.inside > 0 { state.violations += 1 }
                state.inside += 1
                if alone { state.alone = true }
            }
        }

        func leave(alone: Bool) {
            state.withLock { state in
                state.inside -= 1
                if alone { state.alone = false }
            }
        }
    }

    @Test("whoever is alone is alone, and everybody gets in")
    func excludes() async {
        let gate = SoloGate()
        let presence = Presence()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                let alone = number % 7 == 0
                group.addTask {
                    await gate.pass(alone: alone) {
                        presence.enter(alone: alone)
                        await Task.yield()
                        presence.leave(alone: alone)
                    }
                }
            }
        }
        #expect(presence.violations == 0)
    }
}
