import Kafka
import LocalBroker
import Terminal

/// How a bot's process is started.
struct BotLaunch: Sendable {
    private let program: String
    private let dataDirectory: String
    private let environment: [String: String]
    private let logins: MeshLogins?

    init(program: String, invocation: Invocation, home: Home, dataDirectory: String, settings: ClientSettings, logins: MeshLogins?) {
        self.program = program
        self.dataDirectory = dataDirectory
        self.logins = logins
        // A bot sees what it is configured by. It hands none of it to the steps of a pipeline: those get an environment of their own.
        var environment = invocation.environment.filter { name, _ in !name.hasPrefix("MESH_") && !name.hasPrefix("GIT_") }
        environment["KAFKA_BOOTSTRAP_SERVERS"] = settings.bootstrapServers
        environment["MESH_DATA_DIR"] = dataDirectory
        environment["MESH_HOME"] = home.path
        environment["MESH_TOPICS_DIR"] = home.topics
        environment["MESH_CONFIG_DIR"] = invocation["config-dir"].map(absolute) ?? home.bots
        environment["MESH_ENV"] = invocation["env"]
        environment["MESH_DELIVERY"] = invocation["delivery"]
        self.environment = environment
    }

    func launch(_ instance: Instance, _ restarts: Restarts) -> ChildProcess.Launch {
        var environment = environment
        // The process tells it on mesh.instances, where everybody finds it.
        environment["MESH_RESTARTS"] = "\(restarts.count)"
        environment["MESH_LAST_END"] = restarts.reason
        // A file, not a variable: what is in an environment, others of the same user can read.
        if let logins { environment["KAFKA_PROPERTIES_FILE"] = logins.propertiesFile(instance.bot) }
        return ChildProcess.Launch(
            program: program, arguments: [instance.bot, "--replica", "\(instance.replica)"], environment: environment,
            output: .file("\(dataDirectory)/logs/\(instance).log"), onParentDeath: .terminate)
    }
}
