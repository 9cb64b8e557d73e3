import Foundation
import LocalBroker
import Testing

@testable import meshload

/// What the slots of a chaos run take for a trouble of a bot's, with shell scripts in the place of bots.
@Suite struct BotSlotsTests {
    /// Says in `file` how many SIGTERM it has got, from 0, and ends at the second as a bot does.
    private static func launch(_ file: URL) -> ChildProcess.Launch {
        let script = """
            count=0
            trap 'count=$((count + 1)); echo $count > "$1"; if [ $count -ge 2 ]; then exit 143; fi' TERM
            echo 0 > "$1"
            while true; do sleep 0.02; done
            """
        return ChildProcess.Launch(
            program: "/bin/sh", arguments: ["-c", script, "sh", file.path], environment: ["PATH": "/usr/bin:/bin"])
    }

    private static func wait(for text: String, in file: URL) async throws {
        while try !FileManager.default.fileExists(atPath: file.path) || String(contentsOf: file, encoding: .utf8) != text + "\n" {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// A storm of SIGTERM meets a bot that drains still from the one before: its second signal ends it, which is no trouble.
    @Test(.timeLimit(.minutes(1))) func aSecondSignalMayEndWhatDrains() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "bot-slots-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        let slots = BotSlots { _ in Self.launch(file) }
        defer { slots.killAll() }
        slots.start(1)
        try await Self.wait(for: "0", in: file)
        slots.terminate(1, twice: false)
        try await Self.wait(for: "1", in: file)
        slots.terminate(1, twice: true)
        while slots.running > 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(slots.troubles == [])
    }
}
