import FoundationEssentials
import Kafka
import LoopbackPorts
import Synchronization

/// The broker that one machine runs by itself, for development, demonstrations and tests: `meshbroker` as a child process, which ends with this one.
///
/// Any other Kafka is used by its address instead: `KAFKA_BOOTSTRAP_SERVERS`.
public final class LocalBroker: Sendable {
    /// `127.0.0.1:port`; known before the start.
    public let bootstrapServers: String
    private let program: String
    private let dataDirectory: String
    private let arguments: [String]
    private let login: ClientSettings?
    private let port: UInt16
    private let onParentDeath: ChildProcess.Signal
    private let process = Mutex<ChildProcess?>(nil)

    /// - Parameters:
    ///   - program: the path of `meshbroker`.
    ///   - dataDirectory: made when it is missing; the broker's data and its log, `broker.log`.
    ///   - port: on the loopback interface; nil for a free one.
    ///   - arguments: further ones of `meshbroker`.
    ///   - login: how to reach a broker that asks who is there; nil for one that does not.
    ///   - onParentDeath: what it gets when this process dies; a broker that tests freeze needs `kill`.
    public init(
        program: String, dataDirectory: String, port: UInt16? = nil, arguments: [String] = [], login: ClientSettings? = nil,
        onParentDeath: ChildProcess.Signal = .terminate
    ) throws(LocalBrokerError) {
        self.program = program
        self.dataDirectory = dataDirectory
        self.arguments = arguments
        self.login = login
        self.onParentDeath = onParentDeath
        do throws(NoFreePort) {
            self.port = if let port { port } else { try FreePort.choose() }
        } catch {
            throw .cannotStart("\(error)")
        }
        bootstrapServers = "127.0.0.1:\(self.port)"
    }

    /// How clients reach the broker.
    public var settings: ClientSettings { login ?? ClientSettings(bootstrapServers: bootstrapServers) }

    /// Replaces all access rules about these principals. Blocks.
    /// - Parameters:
    ///   - user: one who may change rules, and its password.
    public func setAccess(_ rules: [AccessRule], for principals: [String], user: String, password: String) throws(LocalBrokerError) {
        var connection = try AccessConnection(port: port, user: user, password: password)
        try connection.removeRules(of: principals)
        try connection.add(rules)
    }

    /// The process, while it runs.
    public var processID: Int32? { process.withLock { $0?.pid } }

    private var log: String { dataDirectory + "/broker.log" }

    /// Starts the broker and waits until it answers, for up to `timeout`. Blocks; call it on a thread of its own.
    public func start(timeout: Duration = .seconds(60)) throws(LocalBrokerError) {
        let child = try spawn()
        process.withLock { $0 = child }
        do {
            try waitUntilItAnswers(child, timeout)
        } catch {
            stop(timeout: .seconds(2))
            throw error
        }
    }

    private func spawn() throws(LocalBrokerError) -> ChildProcess {
        guard FileManager.default.isExecutableFile(atPath: program) else { throw .notBuilt(program) }
        do {
            try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        } catch {
            throw .cannotStart("its data directory \(dataDirectory) cannot be made")
        }
        do {
            return try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: program,
                    arguments: ["--data-dir", dataDirectory + "/data", "--listen", bootstrapServers] + arguments,
                    environment: ["PATH": "/usr/bin:/bin"], output: .file(log), onParentDeath: onParentDeath))
        } catch {
            throw .cannotStart(error.description)
        }
    }

    private func waitUntilItAnswers(_ child: ChildProcess, _ timeout: Duration) throws(LocalBrokerError) {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while ContinuousClock.now < deadline {
            if let status = child.wait(timeout: .milliseconds(10)) {
                // The port was free when it was chosen: whoever has it now was faster.
                if FreePort.accepts(port) { throw .portTaken(port, by: PortHolder.of(port)) }
                throw .ended("it \(status): \(lastLine() ?? "no word"); its log is \(log)")
            }
            // A connection alone says nothing: the port is taken before the data are recovered. And what answers may be somebody else's broker.
            if FreePort.accepts(port), PortHolder.holds(port, child.pid), try answers() { return }
        }
        throw .silent("nothing on port \(port) within \(timeout); its log is \(log)")
    }

    private func answers() throws(LocalBrokerError) -> Bool {
        do {
            let admin = try AdminClient(settings, observer: ClientObserver(log: { _ in }))
            defer { admin.close(timeout: .seconds(1)) }
            return try !admin.metadata(timeout: .seconds(2)).brokers.isEmpty
        } catch is KafkaError {
            return false
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    private func lastLine() -> String? {
        guard let data = FileManager.default.contents(atPath: log) else { return nil }
        return String(decoding: data.suffix(4096), as: UTF8.self).split(separator: "\n").last.map(String.init)
    }

    /// Waits until the process ends by itself, and says how; nil when it was stopped, or does not run. Blocks.
    public func waitForUnexpectedEnd() -> ChildProcess.ExitStatus? {
        guard let child = process.withLock({ $0 }) else { return nil }
        while child.exitStatus == nil { _ = child.wait(timeout: .seconds(3600)) }
        return process.withLock { process in
            guard process === child else { return nil }
            process = nil
            return child.exitStatus
        }
    }

    /// Stops the broker so that it keeps its data, and kills it when that takes longer than `timeout`. Blocks. Does nothing when it is not running.
    public func stop(timeout: Duration = .seconds(10)) {
        guard let child = process.withLock({ $0.take() }) else { return }
        child.stop(grace: timeout)
    }

    /// Signals the broker, when it runs. For tests that freeze it.
    public func signal(_ signal: ChildProcess.Signal) { process.withLock { $0?.signal(signal) } }

    /// Ends the broker at once. For tests.
    public func kill() {
        guard let child = process.withLock({ $0.take() }) else { return }
        child.signal(.kill)
        _ = child.wait(timeout: .seconds(5))
    }
}

/// Why there is no local broker.
public enum LocalBrokerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no program at this path.
    case notBuilt(String)
    case cannotStart(String)
    /// The broker ended before it answered.
    case ended(String)
    case silent(String)
    /// Another process began to listen on the port before the broker could.
    case portTaken(UInt16, by: PortHolder?)

    public var description: String {
        switch self {
        case .notBuilt(let path):
            "\(path) is missing. Build it: make build, or set KAFKA_BOOTSTRAP_SERVERS to a broker of your own."
        case .cannotStart(let reason): "the local broker cannot be started: \(reason)"
        case .ended(let reason): "the local broker ended while it started: \(reason)"
        case .silent(let reason): "the local broker does not answer: \(reason)"
        case .portTaken(let port, let holder):
            "the local broker cannot listen on port \(port): \(holder.map(\.description) ?? "a process of another user") has it"
        }
    }
}
