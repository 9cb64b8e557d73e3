import BotKit
import FoundationEssentials
import Glibc
import Kafka
import Terminal

/// The operator's tool. Parses the command line, runs one command, and turns what it throws into a message and an exit status:
/// 0 fine, 1 it ran and found a problem, 2 wrong use, 3 no broker reached.
@main
enum Mesh {
    static let version = "0.1.0"

    static let program = Program(
        name: "mesh", version: version, summary: "botmesh: a Kafka-native mesh of bots that build, test, scan, deploy, watch and notify",
        commands: LocalMeshCommands.all + PersonCommands.all + TopicsCommands.all + ConfigurationCommands.all + TriggerCommand.all
            + HookCommands.all,
        commonFlags: [
            Flag(
                "brokers", value: "HOST:PORT,…", environment: "KAFKA_BOOTSTRAP_SERVERS",
                help: "Kafka's addresses; absent, those of the mesh that runs under the data directory"),
            Flag("data-dir", value: "DIR", environment: "MESH_DATA_DIR", default: ".botmesh", help: "where the local mesh keeps its data"),
        ])

    static func main() {
        exit(status(of: Array(Swift.CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment))
    }

    static func status(of words: [String], environment: [String: String]) -> Int32 {
        do {
            switch try program.parse(words, environment: environment) {
            case .print(let text):
                Terminal.write(text, to: STDOUT_FILENO)
                return 0
            case .run(let invocation): return try run(invocation)
            }
        } catch let error as UsageError {
            return fail(error.description, status: 2)
        } catch let error as NoBroker {
            return fail(error.description, status: 3)
        } catch let error as SettingsError {
            return fail(error.description, status: 2)
        } catch {
            return fail("\(error)", status: 1)
        }
    }

    /// Turns librdkafka's word that nobody answered into one that names the address and the reason.
    private static func run(_ invocation: Invocation) throws -> Int32 {
        do {
            return try invocation.command.run(invocation)
        } catch let error as KafkaError where error.isBrokersDown || error.isTimeout {
            let explained = BrokerProbe.explain(try invocation.unprovenSettings())
            throw NoBroker(description: "\(error)\n\(explained)")
        }
    }

    static func fail(_ message: String, status: Int32) -> Int32 {
        Terminal.write("mesh: \(message)\n", to: STDERR_FILENO)
        return status
    }
}

/// A problem that a command found: exit status 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
