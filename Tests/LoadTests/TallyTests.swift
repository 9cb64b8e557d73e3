import Envelopes
import Synchronization
import Testing

@testable import MeshRuntime
@testable import meshload

@Suite struct TallyTests {
    private final class Said: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private static func record() -> SettledRecord { SettledRecord(timestamp: 1, takenIn: .current, isDone: true) }

    private static func wait(for count: Int, _ said: Said) async throws {
        while said.all.count < count { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Once each time that nothing comes any more, and no more when all are there.
    @Test(.timeLimit(.minutes(5))) func itSaysWhereItStandsWhenNothingComes() async throws {
        let (tally, said) = (Tally(target: 3), Said())
        tally.watch("bench.request_a", patience: 0.05) { said.add($0) }
        try await Self.wait(for: 1, said)
        #expect(!tally.add([Self.record()]))
        try await Self.wait(for: 2, said)
        try await Task.sleep(for: .milliseconds(200))
        #expect(said.all == ["0 of 3; waiting for more in bench.request_a", "1 of 3; waiting for more in bench.request_a"])
        #expect(tally.add([Self.record(), Self.record()]))
        try await Task.sleep(for: .milliseconds(200))
        #expect(said.all.count == 2)
    }
}
