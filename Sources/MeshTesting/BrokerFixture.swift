import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import Synchronization

/// The broker that the tests of one process share: the one that `KAFKA_BOOTSTRAP_SERVERS` names, else a local one, started once and ended at exit.
///
/// Without either, `shared()` throws: a test that needs a broker fails, and is never skipped in silence.
public struct BrokerFixture: Sendable {
    public let settings: ClientSettings
    /// The local broker; nil where the environment names one.
    public let local: LocalBroker?

    public var bootstrapServers: String { settings.bootstrapServers }

    /// The fixture of this process; starts the broker at the first call.
    public static func shared() async throws -> BrokerFixture { try await startup.value }

    private static let startup = Task.detached { try await DedicatedThread.run(name: "broker-fixture") { try start() } }

    /// A local broker of the caller's own, for tests that stop or kill it. Ended at exit at the latest. Blocks.
    public static func makeLocal() throws -> LocalBroker {
        let directory = try TemporaryDirectory.make(prefix: "mesh-broker")
        let broker = try LocalBroker(program: BuiltProgram.path("meshbroker"), dataDirectory: directory)
        AtExit.run {
            broker.kill()
            try? FileManager.default.removeItem(atPath: directory)
        }
        try broker.start()
        return broker
    }

    private static func start() throws -> BrokerFixture {
        let environment = currentEnvironment()
        if environment["KAFKA_BOOTSTRAP_SERVERS"] != nil || environment["KAFKA_PROPERTIES_FILE"] != nil {
            return BrokerFixture(settings: try ClientSettings.fromEnvironment(environment), local: nil)
        }
        let broker = try makeLocal()
        return BrokerFixture(settings: broker.settings, local: broker)
    }

    /// A name that no other test and no earlier run has: `prefix-` and random letters.
    public func uniqueName(_ prefix: String) -> String { "\(prefix)-\(String(UInt64.random(in: 0 ... .max), radix: 36))" }

    /// Creates a topic with a name of its own and waits until the broker knows it.
    public func makeTopic(
        _ prefix: String = "test", partitions: Int32 = 1, configuration: [String: String] = [:]
    ) async throws -> String {
        let name = uniqueName(prefix)
        try await makeTopics([NewTopic(name: name, partitions: partitions, configuration: configuration)])
        return name
    }

    /// Creates topics as they are named.
    public func makeTopics(_ topics: [NewTopic]) async throws {
        let settings = settings
        try await DedicatedThread.run(name: "make-topics") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            try admin.createTopics(topics).check(except: \.isTopicAlreadyExists)
        }
    }
}

/// The environment of this process.
func currentEnvironment() -> [String: String] { ProcessInfo.processInfo.environment }

/// Work for the end of the process: killing what was started, removing what was made.
public enum AtExit {
    private static let actions = Mutex<[@Sendable () -> Void]>([])
    private static let registration: Void = {
        atexit {
            for action in actions.withLock({ $0 }).reversed() { action() }
        }
    }()

    public static func run(_ action: @escaping @Sendable () -> Void) {
        _ = registration
        actions.withLock { $0.append(action) }
    }
}

/// Directories for tests.
public enum TemporaryDirectory {
    /// Makes a new directory below the system's temporary one.
    public static func make(prefix: String = "mesh-test") throws -> String {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TemporaryDirectoryError(reason: String(cString: strerror(errno))) }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

struct TemporaryDirectoryError: Error {
    let reason: String
}
