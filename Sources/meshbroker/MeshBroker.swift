import Broker
import Glibc
import Terminal

/// The embedded Kafka broker as a process. Exit status: 0 ended in order, 1 it cannot go on, 2 wrong use or configuration.
@main
enum MeshBroker {
    static let version = "0.1.0"

    static let program = Terminal.Program(
        name: "meshbroker", version: version,
        summary: "a Kafka broker of one node: durable, transactional, for one machine (SIGTERM syncs and ends)",
        commands: [
            Command(
                "", summary: "run the broker",
                discussion:
                    "Clients find it at the address of --listen (KAFKA_BOOTSTRAP_SERVERS). Whoever outgrows one machine runs a Kafka cluster instead.",
                flags: [
                    Flag(
                        "data-dir", value: "DIR", environment: "MESHBROKER_DATA_DIR",
                        help: "where everything is kept; made when it is missing"),
                    Flag("listen", value: "HOST:PORT", default: "127.0.0.1:9092", help: "the address for clients; port 0 is any free one"),
                    Flag("config", value: "FILE", help: "lines key=value with the keys of Kafka's server.properties"),
                    Flag(
                        "users", value: "FILE",
                        help: "lines name:password of those who may log in (sasl.enabled.mechanisms=PLAIN); they replace those of before"),
                    Flag("list-keys", help: "print the keys of --config and of topics, with their defaults, and end"),
                    Flag(
                        "health-port", value: "PORT", default: "0",
                        help: "of /health and /metrics on the loopback; 0 is any free one"),
                    Flag(
                        "fault-port", value: "PORT",
                        help: "of an HTTP port on the loopback that makes requests fail; for tests only, it can destroy data"),
                    Flag(
                        "log-format", value: "FORMAT", default: "text", choices: ["text", "json"],
                        help: "of the log lines on standard error"),
                ], run: run)
        ])

    static func main() {
        // Before any thread is started: none of them may take these signals.
        var set = sigset_t()
        sigemptyset(&set)
        for number in BrokerProcess.signals { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
        exit(status(of: Array(CommandLine.arguments.dropFirst())))
    }

    static func status(of words: [String]) -> Int32 {
        do {
            switch try program.parse(words, environment: environment()) {
            case .print(let text):
                Terminal.write(text, to: STDOUT_FILENO)
                return 0
            case .run(let invocation): return try invocation.command.run(invocation)
            }
        } catch {
            Terminal.write("meshbroker: \(error)\n", to: STDERR_FILENO)
            return error is UsageError || error is ConfigurationError ? 2 : 1
        }
    }

    @Sendable private static func run(_ invocation: Invocation) throws -> Int32 {
        if invocation.has("list-keys") {
            Terminal.write(
                "## Keys of the broker\n\n\(SettingReference.broker)\n## Keys of topics\n\n\(SettingReference.topic)", to: STDOUT_FILENO)
        } else {
            try BrokerProcess(invocation).run()
        }
        return 0
    }

    /// The one variable that is looked at.
    private static func environment() -> [String: String] {
        guard let value = getenv("MESHBROKER_DATA_DIR") else { return [:] }
        return ["MESHBROKER_DATA_DIR": String(cString: value)]
    }
}
