import Kafka
import LocalBroker
import Terminal

/// How a bot's process is started.
struct BotLaunch: Sendable {
    private let program: String
    private let dataDirectory: String
    private let needsStaticMembers: Bool
    private let environment: [String: String]

    init(
        program: String, invocation: Invocation, home: Home, dataDirectory: String, settings: ClientSettings, needsStaticMembers: Bool
    ) {
        self.program = program
        self.dataDirectory = dataDirectory
        self.needsStaticMembers = needsStaticMembers
        // A bot sees what it is configured by. It hands none of it to the steps of a pipeline: those get an environment of their own.
        var environment = invocation.environment.filter { name, _ in !name.hasPrefix("MESH_") && !name.hasPrefix("GIT_") }
        environment["KAFKA_BOOTSTRAP_SERVERS"] = settings.bootstrapServers
        if let rest = settings.fetchRest { environment["KAFKA_FETCH_REST_MS"] = "\(Int(rest / .milliseconds(1)))" }
        environment["KAFKA_PARTITION_ASSIGNMENT_STRATEGY"] = settings["partition.assignment.strategy"]
        environment["MESH_DATA_DIR"] = dataDirectory
        environment["MESH_HOME"] = home.path
        environment["MESH_TOPICS_DIR"] = home.topics
        environment["MESH_CONFIG_DIR"] = invocation["config-dir"].map(absolute) ?? home.bots
        environment["MESH_ENV"] = invocation["env"]
        environment["MESH_DELIVERY"] = invocation["delivery"]
        self.environment = environment
    }

    func launch(_ instance: Instance) -> ChildProcess.Launch {
        var arguments = [instance.bot, "--replica", "\(instance.replica)"]
        if needsStaticMembers { arguments += ["--group-instance-id", "\(instance)"] }
        return ChildProcess.Launch(
            program: program, arguments: arguments, environment: environment,
            output: .file("\(dataDirectory)/logs/\(instance).log"), onParentDeath: .terminate)
    }
}
