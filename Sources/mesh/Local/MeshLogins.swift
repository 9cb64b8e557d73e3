import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import Topology

/// The logins of a local mesh with `--secure`: a user for each bot, who may do what its contract says, and `mesh`, the operator, who may do everything.
///
/// Passwords are made anew at each start and stand in files that only their owner reads; they are in no argument and in no environment.
struct MeshLogins: Sendable {
    static let operatorName = "mesh"
    private let directory: String
    private let broker: String
    private let operatorPassword = Self.password()

    /// Makes users, passwords and files; those of an earlier start no longer hold.
    init(names: [String], dataDirectory: String, brokers: String) throws {
        directory = dataDirectory + "/access"
        broker = brokers
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        guard chmod(directory, 0o700) == 0 else {
            throw CommandFailure("cannot close \(directory) to others: \(String(cString: strerror(errno)))")
        }
        var users = ""
        for name in [Self.operatorName] + names {
            let password = name == Self.operatorName ? operatorPassword : Self.password()
            users += "\(name):\(password)\n"
            try write(properties(name, password), to: propertiesFile(name))
        }
        try write(users, to: usersFile)
        try write(
            """
            sasl.enabled.mechanisms=PLAIN
            authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
            super.users=User:\(Self.operatorName)

            """, to: brokerFile)
    }

    /// The librdkafka properties with which a user logs in.
    func propertiesFile(_ name: String) -> String { "\(directory)/\(name).properties" }

    /// What `meshbroker` is started with.
    var brokerArguments: [String] { ["--config", brokerFile, "--users", usersFile] }

    /// The operator's way to the broker.
    func operatorSettings() throws -> ClientSettings {
        try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": propertiesFile(Self.operatorName)])
    }

    /// Gives each bot what its contract says, and takes what it had beyond that.
    func grant(_ bots: [BotAccess], at broker: LocalBroker) throws {
        try broker.setAccess(
            bots.flatMap(\.rules), for: bots.map(\.principal), user: Self.operatorName, password: operatorPassword)
    }

    private var usersFile: String { directory + "/users" }
    private var brokerFile: String { directory + "/meshbroker.conf" }

    private func properties(_ name: String, _ password: String) -> String {
        """
        bootstrap.servers=\(broker)
        security.protocol=SASL_PLAINTEXT
        sasl.mechanisms=PLAIN
        sasl.username=\(name)
        sasl.password=\(password)

        """
    }

    /// 192 bits that nobody can guess.
    private static func password() -> String {
        (0..<3).map { _ in
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Readable by its owner from the first moment on.
    private func write(_ text: String, to path: String) throws {
        let new = path + ".new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(new): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard fchmod(descriptor, 0o600) == 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count, rename(new, path) == 0 else {
            throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
