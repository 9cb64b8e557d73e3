import FoundationEssentials
import Kafka
import Synchronization

/// noida-db from PyPI: one process, state in memory and in one file, written each second and when it is stopped.
///
/// What was found to work and not to work with it is in `docs/brokers.md`.
public final class NoidaBroker: LocalBroker {
    public let name = "noida-db"
    public let bootstrapServers: String
    public let wantsStaticMembers = true
    /// It answers a fetch at once, with or without records; clients that do not rest keep two cores busy.
    ///
    /// Eager assignment: a cooperative one takes two rebalances one right after the other, and noida-db often leaves a member waiting in the first
    /// until the others have gone without polling for too long (three of six tries with two members; none of twelve with eager assignment).
    public var settings: ClientSettings {
        var settings = ClientSettings(bootstrapServers: bootstrapServers)
        settings.fetchRest = .milliseconds(15)
        settings["partition.assignment.strategy"] = "range"
        return settings
    }
    private let binary: String
    private let dataDirectory: String
    private let port: UInt16
    private let process = Mutex<ChildProcess?>(nil)

    /// `binary` is the packaged program itself, not the wrapper that pip makes: that one leaves the server running. A nil port means a free one.
    public init(binary: String, dataDirectory: String, port: UInt16? = nil) throws(LocalBrokerError) {
        self.binary = binary
        self.dataDirectory = dataDirectory
        if let port { self.port = port } else { self.port = try FreePort.choose() }
        bootstrapServers = "127.0.0.1:\(self.port)"
    }

    /// Where the program is: `MESH_LOCAL_BROKER`, else in a `.venv` of `directory` or of a directory above it.
    public static func find(environment: [String: String], directory: String) throws(LocalBrokerError) -> String {
        if let named = environment["MESH_LOCAL_BROKER"], !named.isEmpty {
            guard FileManager.default.isExecutableFile(atPath: named) else { throw .notInstalled(searched: [named]) }
            return named
        }
        var searched: [String] = []
        var ancestor = directory
        for _ in 0..<32 {
            let library = ancestor + (ancestor.hasSuffix("/") ? "" : "/") + ".venv/lib"
            searched.append(library)
            let entries = (try? FileManager.default.contentsOfDirectory(atPath: library)) ?? []
            for version in entries.sorted() where version.hasPrefix("python3") {
                let binary = "\(library)/\(version)/site-packages/noida_db/noida-db"
                if FileManager.default.isExecutableFile(atPath: binary) { return binary }
            }
            guard ancestor != "/", let slash = ancestor.lastIndex(of: "/") else { break }
            ancestor = slash == ancestor.startIndex ? "/" : String(ancestor[..<slash])
        }
        throw .notInstalled(searched: [searched.first ?? directory, "the directories above it"])
    }

    public func start(timeout: Duration) throws(LocalBrokerError) {
        do {
            try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        } catch {
            throw .cannotStart("its data directory \(dataDirectory) cannot be made")
        }
        let log = dataDirectory + "/broker.log"
        let child: ChildProcess
        do {
            child = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: binary,
                    arguments: [
                        "start", "--only", "kafka", "--kafka-port", "\(port)", "--host", "127.0.0.1", "--data-dir", dataDirectory,
                    ],
                    environment: ["PATH": "/usr/bin:/bin", "HOME": dataDirectory], output: .file(log), onParentDeath: .terminate))
        } catch {
            throw .cannotStart(error.description)
        }
        process.withLock { $0 = child }
        do {
            try waitUntilItAnswers(child, log, timeout)
        } catch {
            stop(timeout: .seconds(2))
            throw error
        }
    }

    private func waitUntilItAnswers(_ child: ChildProcess, _ log: String, _ timeout: Duration) throws(LocalBrokerError) {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while ContinuousClock.now < deadline {
            if let status = child.wait(timeout: .milliseconds(20)) { throw .ended("\(name) \(status); its output is in \(log)") }
            guard FreePort.accepts(port) else { continue }
            do {
                let admin = try AdminClient(ClientSettings(bootstrapServers: bootstrapServers), observer: ClientObserver(log: { _ in }))
                defer { admin.close(timeout: .seconds(1)) }
                if try !admin.metadata(timeout: .seconds(2)).brokers.isEmpty { return }
            } catch is KafkaError {
                continue
            } catch {
                throw .cannotStart("\(error)")
            }
        }
        throw .silent("\(name) on port \(port), within \(timeout); its output is in \(log)")
    }

    public func stop(timeout: Duration) {
        guard let child = process.withLock({ $0.take() }) else { return }
        child.stop(grace: timeout)
    }

    /// Ends the broker at once; what it did not write in the last second is lost. For tests.
    public func kill() {
        guard let child = process.withLock({ $0.take() }) else { return }
        child.signal(.kill)
        _ = child.wait(timeout: .seconds(5))
    }

    /// The process, while it runs.
    public var processID: Int32? { process.withLock { $0?.pid } }
}
