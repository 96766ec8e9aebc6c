import Testing

@testable import AMQP

@Suite("The waiting line")
struct FIFOTests {
    @Test("keeps its order over many laps and removals")
    func order() {
        var line = FIFO<Int>()
        var expected: [Int] = []
        for number in 0..<10_000 {
            line.append(number)
            expected.append(number)
            if number % 3 == 0 { #expect(line.popFirst() == expected.removeFirst()) }
        }
        line.removeAll { $0 % 2 == 0 }
        expected.removeAll { $0 % 2 == 0 }
        #expect(line.count == expected.count)
        var rest: [Int] = []
        while let number = line.popFirst() { rest.append(number) }
        #expect(rest == expected)
        #expect(line.isEmpty && line.first == nil)
    }
}
