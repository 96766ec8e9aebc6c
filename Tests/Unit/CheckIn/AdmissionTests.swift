import Domain
import FoundationEssentials
import Testing

@Suite("Admissions")
struct AdmissionTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func admission(_ seconds: Double, _ device: String?, _ scan: String = "1") -> Admission {
        Admission(
            id: CheckInID(), at: start + seconds, gate: device.map { "gate of \($0)" }, device: device, scanID: scan)
    }

    @Test("the earliest by the devices' clocks counts, in whatever order they are heard")
    func order() {
        let all = [admission(30, "c"), admission(10, "b"), admission(20, "a"), admission(10, "d")]
        for _ in 0..<24 {
            let admissions = Admissions(all.shuffled())
            #expect(admissions.first == all[1], "at the same moment the device's name decides")
            #expect(admissions.conflict(with: all[1].id) == all[3])
            #expect(admissions.conflict(with: all[0].id) == all[1])
        }
    }

    @Test("a second scan on one device was caught there: no conflict")
    func sameDevice() {
        let (first, second) = (admission(0, "a"), admission(5, "a", "2"))
        let admissions = Admissions([second, first])
        #expect(admissions.first == first)
        #expect(!admissions.isConflict)
        #expect(admissions.conflict(with: second.id) == nil)
        let other = admission(3, "b")
        let three = Admissions([second, first, other])
        #expect(three.isConflict)
        #expect(three.conflict(with: first.id) == other)
        #expect(three.conflict(with: second.id) == nil)
    }

    @Test("scans without a device are nobody's: each stands for itself")
    func withoutDevice() {
        let (first, second) = (admission(0, nil), admission(5, nil))
        #expect(Admissions([second, first]).conflict(with: first.id) == second)
    }

    @Test("an offline scan is judged by the state of its own moment")
    func judging() {
        let revoked = ScannedTicket(revokedAt: start, checkInOpensAt: nil)
        #expect(revoked.judge(scanAt: start - 1, letIn: true) == .admitted)
        #expect(revoked.judge(scanAt: start, letIn: true) == .revoked)
        let early = ScannedTicket(revokedAt: nil, checkInOpensAt: start)
        #expect(early.judge(scanAt: start - 1, letIn: true) == .notYetValid)
        #expect(early.judge(scanAt: start, letIn: true) == .admitted)
        #expect(early.judge(scanAt: start, letIn: false) == .duplicate)
        let calledOff = ScannedTicket(revokedAt: start - 9, checkInOpensAt: nil, eventCancelledAt: start)
        #expect(calledOff.judge(scanAt: start - 10, letIn: true) == .admitted)
        #expect(calledOff.judge(scanAt: start - 9, letIn: true) == .revoked)
        #expect(calledOff.judge(scanAt: start, letIn: true) == .eventCancelled)
    }
}
