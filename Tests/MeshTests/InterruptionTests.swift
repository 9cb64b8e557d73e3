import Glibc
import Terminal
import Testing

@testable import mesh

@Suite struct InterruptionTests {
    private func status(_ line: String, _ own: Int32, _ signal: Int32?) throws -> Int32? {
        guard case .run(let invocation) = try Mesh.program.parse(line.split(separator: " ").map(String.init), environment: [:]) else {
            return nil
        }
        return Interruption.status(own, of: invocation, signal: signal)
    }

    @Test(arguments: ["lag --watch", "top", "tail build.*", "up", "kubernetes follow"])
    func whatWatchesUntilItIsEndedEndsWell(line: String) throws {
        #expect(try status(line, 0, SIGINT) == 0)
        #expect(try status(line, 0, SIGTERM) == 0)
        // What it found wrong stays wrong.
        #expect(try status(line, 1, SIGINT) == 1)
    }

    @Test(arguments: [
        "scale BuildBot=2", "chaos kill BuildBot", "up --detach", "demo", "dlq redrive", "replay build.completed", "lag", "trace x",
        "kubernetes follow --once", "tail build.* --no-follow", "tail build.* --max 5",
    ])
    func workThatWasCutShortSaysSo(line: String) throws {
        #expect(try status(line, 1, SIGINT) == 130)
        #expect(try status(line, 1, SIGTERM) == 143)
        // It came when all was done, or when something else had ended the command.
        for own: Int32 in [0, 2, 3] { #expect(try status(line, own, SIGINT) == own) }
        #expect(try status(line, 0, nil) == 0)
        #expect(try status(line, 3, nil) == 3)
    }

    @Test func helpTellsTheRule() {
        #expect(Mesh.program.exitStatuses.contains { $0.status == 130 && $0.meaning.contains("watches") })
    }
}
