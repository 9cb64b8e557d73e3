import BotKit
import FoundationEssentials
import Glibc
import Kafka
import MeshRuntime
import Telemetry
import Terminal

/// One bot process. Exit status: 0 drained, 1 it could not go on, 2 wrong use or configuration.
@main
enum MeshBot {
    static let version = "0.1.0"

    static let program = Terminal.Program(
        name: "meshbot", version: version,
        summary: "runs one bot of the mesh until it is told to end (SIGTERM drains; a second one ends at once)",
        commands: [
            Command(
                "", summary: "run one bot",
                discussion:
                    "The broker is KAFKA_BOOTSTRAP_SERVERS; KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_*, KAFKA_SSL_* and KAFKA_PROPERTIES_FILE are read too.",
                arguments: [Argument("BOT", help: "a built-in bot's name, or that of a custom bot among the configurations")],
                flags: [
                    Flag("replica", value: "N", environment: "MESH_REPLICA", default: "1", help: "number of this instance, from 1"),
                    Flag("config", value: "FILE", repeats: true, help: "a bot's configuration; repeats; instead of --config-dir"),
                    Flag(
                        "config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", default: "deploy/bots",
                        help: "the directory of the bots' configurations"),
                    Flag("env", value: "NAME", environment: "MESH_ENV", help: "the overlay to use: development, staging or production"),
                    Flag("topics", value: "DIR", environment: "MESH_TOPICS_DIR", default: "topics", help: "the event catalogue"),
                    Flag("brokers", value: "HOST:PORT,…", help: "Kafka's addresses; stands above KAFKA_BOOTSTRAP_SERVERS"),
                    Flag(
                        "data-dir", value: "DIR", environment: "MESH_DATA_DIR", default: ".botmesh",
                        help: "artifacts, workspaces, copies of the state and the like"),
                    Flag(
                        "delivery", value: "MODE", environment: "MESH_DELIVERY", default: DeliveryMode.exactlyOnce.rawValue,
                        choices: DeliveryMode.allCases.map(\.rawValue), help: "at-least-once is for brokers without usable transactions"),
                    Flag(
                        "health-port", value: "PORT", environment: "MESH_HEALTH_PORT", default: "0",
                        help: "of /health, /ready and /metrics; 0 is any free one"),
                    Flag(
                        "health-host", value: "ADDRESS", environment: "MESH_HEALTH_HOST", default: "127.0.0.1",
                        help: "the address, in numbers, that they are answered on; 0.0.0.0 or :: for every one, e.g. in a pod"),
                    Flag(
                        "group-instance-id", value: "ID", environment: "MESH_GROUP_INSTANCE_ID",
                        help: "makes the member static; only for brokers that do not expire members"),
                    Flag(
                        "restarts", value: "N", environment: "MESH_RESTARTS",
                        help: "how often the supervisor has started this instance again: for mesh ps"),
                    Flag(
                        "last-end", value: "TEXT", environment: "MESH_LAST_END",
                        help: "how the process before ended, as the supervisor saw it: for mesh ps"),
                    Flag("drain", value: "SECONDS", environment: "MESH_DRAIN_SECONDS", default: "25", help: "the limit of a drain"),
                ], run: run)
        ])

    static func main() {
        LibraryCleanup.leaveOut()
        // Before any thread is started: none of them may take these signals.
        TerminationSignals.block()
        exit(status(of: Array(Swift.CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment))
    }

    static func status(of words: [String], environment: [String: String]) -> Int32 {
        do {
            switch try program.parse(words, environment: environment) {
            case .print(let text):
                Terminal.write(text, to: STDOUT_FILENO)
                return 0
            case .run(let invocation): return try invocation.command.run(invocation)
            }
        } catch let error as UsageError {
            return fail("\(error)", status: 2)
        } catch let error as ConfigurationProblem {
            return fail("\(error)", status: 2)
        } catch {
            return fail("\(error)", status: 1)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Int32 {
        Terminal.write("meshbot: \(message)\n", to: STDERR_FILENO)
        return status
    }

    @Sendable private static func run(_ invocation: Invocation) throws -> Int32 {
        let setting = try BotSetting(invocation)
        try setting.run()
        return 0
    }
}

/// What is wrong with the configuration, all problems at once. Exit status 2.
struct ConfigurationProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
