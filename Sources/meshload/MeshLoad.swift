import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import MeshRuntime
import Terminal

/// The load tool. Exit status: 0 done, 1 something was lost or failed, 2 wrong use.
@main
enum MeshLoad {
    private static let brokers = Flag("brokers", value: "HOST:PORT,…", help: "Kafka's addresses; stands above KAFKA_BOOTSTRAP_SERVERS")
    private static let input = Flag("in", value: "TOPIC", default: "bench.request", help: "the topic of the requests")
    private static let output = Flag("out", value: "TOPIC", default: "bench.response", help: "the topic of the results")
    private static let mode = Flag(
        "mode", value: "MODE", default: DeliveryMode.exactlyOnce.rawValue, choices: DeliveryMode.allCases.map(\.rawValue),
        help: "what is promised of each request's result")

    static let program = Terminal.Program(
        name: "meshload", version: "0.1.0", summary: "makes load, answers it with an ordinary bot, and checks from outside what came out",
        commands: [
            Command(
                "generate", summary: "write requests and wait until all are acknowledged",
                flags: [
                    brokers, Flag("topic", value: "TOPIC", default: "bench.request", help: "where to"),
                    Flag("count", value: "N", default: "100000", help: "how many"),
                    Flag("keys", value: "K", default: "1000", help: "how many repositories they are spread over"),
                    Flag("size", value: "BYTES", default: "420", help: "of a record's value, at least"),
                    Flag("rate", value: "R", help: "records a second; as fast as it goes without it"),
                ], run: { invocation in try Generate(invocation).run() }),
            Command(
                "relay", summary: "answer requests with BenchBot until N are settled",
                discussion: """
                    What was begun when the Nth result was acknowledged is settled too; a later run of the same group goes on after it. Where there are fewer
                    requests it waits for more, and says so.
                    """,
                flags: [
                    brokers, input, output, mode, Flag("count", value: "N", default: "100000", help: "results after which it ends"),
                    Flag("group", value: "GROUP", default: "BenchBot", help: "the bot's name, and so its consumer group"),
                    Flag("replica", value: "R", default: "1", help: "which of the group's members this is; each needs a number of its own"),
                    Flag("linger", value: "MS", help: "how long a result waits for others to share its request, in milliseconds"),
                    Flag("topics", value: "DIR", environment: "MESH_TOPICS_DIR", default: "topics", help: "the event catalogue"),
                ], run: { invocation in try Relay(invocation).run() }),
            Command(
                "verify", summary: "read both topics whole and compare them",
                discussion: """
                    The exit status is 1 when anything is not as promised, and when there is nothing to compare. Only the two topics are read: a request
                    that became a dead letter counts as lost, and a result that says of itself that it may be late is not misplaced. A record that cannot be read is counted, and compared with nothing.
                    """,
                flags: [
                    brokers, input, output, mode,
                    Flag("count", value: "N", help: "so many requests there must be; without it at least one"),
                    Flag(
                        "isolation", value: "LEVEL", default: GroupSettings.Isolation.readCommitted.rawValue,
                        choices: [GroupSettings.Isolation.readCommitted.rawValue, GroupSettings.Isolation.readUncommitted.rawValue],
                        help: "which results count"),
                ], run: { invocation in try Verify(invocation).run() }),
            Bench.command(brokers: brokers),
            ChaosCommand.command(brokers: brokers),
            ChaosBotCommand.command(brokers: brokers, input: input, output: output, mode: mode),
        ])

    static func main() {
        LibraryCleanup.leaveOut()
        // Before any thread is started: none of them may take these signals.
        switch Swift.CommandLine.arguments.dropFirst().first {
        case "relay", "chaos-bot": TerminationSignals.block()
        case "generate", "bench", "chaos": Interruption.block()
        default: break
        }
        exit(status(of: Array(Swift.CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment))
    }

    private static func status(of words: [String], environment: [String: String]) -> Int32 {
        do {
            switch try program.parse(words, environment: environment) {
            case .print(let text):
                Terminal.write(text, to: STDOUT_FILENO)
                return 0
            case .run(let invocation): return try invocation.command.run(invocation)
            }
        } catch {
            Terminal.write("meshload: \(error)\n", to: STDERR_FILENO)
            return error is UsageError ? 2 : 1
        }
    }
}

/// What the tool could not do.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Invocation {
    /// Whether the flag or the environment names a Kafka.
    var namesKafka: Bool {
        self["brokers"] != nil || ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_PROPERTIES_FILE"].contains { !(environment[$0] ?? "").isEmpty }
    }

    /// A path that holds in every working directory; empty where none is named.
    static func absolute(_ path: String?) -> String {
        guard let path, !path.isEmpty else { return "" }
        return path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// The broker that the flag or the environment names.
    func client() throws -> ClientSettings {
        var environment = environment
        if let addresses = self["brokers"] { environment["KAFKA_BOOTSTRAP_SERVERS"] = addresses }
        return try ClientSettings.fromEnvironment(environment)
    }

    /// The type that a flag names: a topic that Kafka accepts.
    func eventType(_ flag: String) throws(UsageError) -> EventType {
        let type = EventType(self[flag] ?? "")
        guard type.isLegal else { throw UsageError("--\(flag): '\(type)' is no event type") }
        return type
    }

    /// What a relay reads and what it writes.
    func ends() throws(UsageError) -> (input: EventType, output: EventType) {
        let ends = (input: try eventType("in"), output: try eventType("out"))
        guard ends.input != ends.output else { throw UsageError("--in and --out name the same topic, \(ends.input)") }
        return ends
    }

    /// A bot's name, as a configuration may have it: its group and its topics are called after it.
    func botName(_ flag: String) throws(UsageError) -> String {
        let name = self[flag] ?? ""
        let isLegal =
            (1...64).contains(name.utf8.count) && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
        guard isLegal else { throw UsageError("--\(flag): '\(name)' is no name of a bot: 1 to 64 letters, digits, '-' and '_'") }
        return name
    }

    /// A whole number that has a default.
    func number(_ flag: String, in range: ClosedRange<Int>) throws(UsageError) -> Int {
        guard let value = try integer(flag, in: range) else { throw UsageError("--\(flag) is missing") }
        return value
    }
}

/// Rounded, for people and programs that read the result line.
func rounded(_ value: Double, _ places: Double = 1_000) -> Double { (value * places).rounded() / places }

/// Writes the result line, the last one of a command.
func sayResult(_ fields: [(String, any CustomStringConvertible)]) {
    Terminal.write("{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}\n", to: STDOUT_FILENO)
}
