import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import MeshTesting
import Testing

/// The full-screen view in a terminal: `script` gives it one.
@Suite struct TopTests {
    private static let bot = """
        bot: { name: TopBot, version: "1.0.0", enabled: true, description: Refuses, category: operations }
        triggers: [ { type: event, pattern: cost.report } ]
        actions:
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    @Test func itShowsTheMeshAndLeavesTheTerminalAsItWas() async throws {
        let mesh = try await MeshUnderTest.start(configuration: ["TopBot.yaml": Self.bot])
        try await mesh.produce("cost.report", "no JSON")
        try await mesh.produce("cost.report", #"{"payload":{}}"#)
        let screen = mesh.directory + "/screen"
        func shown() -> String { (try? String(contentsOfFile: screen, encoding: .utf8)) ?? "" }
        let data = mesh.directory + "/data"
        let command = "stty rows 24 cols 80; exec \(try Programs.mesh) top --data-dir \(data)"
        for signal in [SIGTERM, SIGHUP, SIGABRT] {
            if FileManager.default.fileExists(atPath: screen) { try FileManager.default.removeItem(atPath: screen) }
            var environment = Programs.environment
            environment["TERM"] = "xterm"
            let terminal = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: try Programs.find("script"), arguments: ["-qfc", command, screen], environment: environment, output: .null))
            defer { terminal.signal(.kill) }
            try await eventually("the screen to show the bot and its dead letter", within: .seconds(120)) {
                let text = shown()
                return text.contains("TopBot-1") && text.contains("not-json") && text.contains("DEAD LETTERS")
            }
            #expect(shown().contains("\u{1b}[?1049h"))
            let pid = try #require(try processes(naming: data).first)
            kill(pid, signal)
            try await eventually("it to end", within: .seconds(120)) { terminal.exitStatus != nil }
            let text = shown()
            #expect(text.contains("\u{1b}[?25h\u{1b}[?1049l"), "signal \(signal)")
        }
        #expect(try await mesh.mesh("top").status == .exited(1), "no terminal")
        #expect(try await mesh.stop() == .exited(0))
    }

    /// Process ids of `mesh top` on this data directory.
    private func processes(naming directory: String) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { pid in
            let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let words = String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
            return words.first?.hasSuffix("/mesh") == true && words.dropFirst().first == "top" && words.contains(directory)
        }
    }
}
