import BotKit
import FoundationEssentials
import Glibc
import Kafka
import Terminal
import Topology

/// The operator's tool. Parses the command line, runs one command, and turns what it throws into a message and an exit status:
/// 0 fine, 1 it ran and found a problem, 2 wrong use, 3 no broker reached, 130 stopped by Ctrl-C.
@main
enum Mesh {
    static let version = "0.1.0"

    static let program = Program(
        name: "mesh", version: version, summary: "botmesh: a Kafka-native mesh of bots that build, test, scan, deploy, watch and notify",
        commands: commands,
        commonFlags: [
            Flag(
                "brokers", value: "HOST:PORT,…", environment: "KAFKA_BOOTSTRAP_SERVERS",
                help: "Kafka's addresses; absent, those of the mesh that runs under the data directory"),
            Flag("data-dir", value: "DIR", environment: "MESH_DATA_DIR", default: ".botmesh", help: "where the local mesh keeps its data"),
        ], groups: groups,
        exitStatuses: [
            (0, "it is done, or all is well"), (1, "it ran and found a problem"), (2, "wrong use"),
            (3, "no broker was reached; the message says which address, why, and what to try"),
            (130, "Ctrl-C stopped it before its work was done (143: SIGTERM did); what only watches until then ends with 0"),
        ], nameSources: ["BOT": "bots", "TOPIC": "topics", "TYPE": "topics"])

    private static let commands: [Command] = [
        LocalMeshCommands.all,
        LagCommands.all,
        ControlCommands.all,
        TopCommands.all,
        ChaosCommands.all,
        InstanceCommands.all,
        PersonCommands.all,
        TopicsCommands.all,
        ConfigurationCommands.all,
        TriggerCommand.all,
        HookCommands.all,
        ContractCommands.all,
        DocumentCommands.all,
        RecordCommands.all,
        ProduceCommand.all,
        DeadLetterCommands.all,
        AuditCommands.all,
        DoctorCommand.all,
        ReplayCommands.all,
        KubernetesCommand.all,
        ToolCommands.all,
    ].flatMap { $0 }

    /// In the order of a person's day. A word stands for all commands that begin with it.
    private static let groups = [
        CommandGroup("A mesh here", ["up", "down", "demo", "hook"]),
        CommandGroup("See", ["ps", "lag", "top", "tail", "trace", "audit", "doctor"]),
        CommandGroup("Steer", ["scale", "pause", "resume", "drain", "loglevel", "trigger"]),
        CommandGroup("Decide", ["cancel", "approve", "reject", "rollback", "acknowledge"]),
        CommandGroup("Records", ["produce", "replay", "record", "dlq"]),
        CommandGroup("Try", ["chaos"]),
        CommandGroup("Topics", ["topics"]),
        CommandGroup("Definitions", ["validate", "config", "contract", "acl", "asyncapi", "graph", "kubernetes"]),
        CommandGroup("This tool", ["completion", "man", "docs"]),
    ]

    static func main() {
        LibraryCleanup.leaveOut()
        exit(status(of: Array(Swift.CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment))
    }

    static func status(of words: [String], environment: [String: String]) -> Int32 {
        do {
            switch try program.parse(words, environment: environment) {
            case .print(let text):
                Terminal.write(text, to: STDOUT_FILENO)
                return 0
            case .run(let invocation):
                let status = outcome(of: invocation)
                return Interruption.status(status, of: invocation, signal: Signals.received)
            }
        } catch {
            return fail(error.description, status: 2)
        }
    }

    private static func outcome(of invocation: Invocation) -> Int32 {
        do {
            return try run(invocation)
        } catch let error as UsageError {
            return fail(error.description, status: 2)
        } catch let error as NoBroker {
            return fail(error.description, status: 3)
        } catch let error as SettingsError {
            return fail(error.description, status: 2)
        } catch let error as ConfigurationFiles.ReadError {
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
