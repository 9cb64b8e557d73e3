import FoundationEssentials
import Kafka
import LocalBroker

/// A whole mesh of real processes, started by `mesh up` in a data directory of its own, with a broker of its own. For integration tests.
public final class RunningMeshFixture: Sendable {
    /// The mesh's data directory; removed at the end.
    public let dataDirectory: String
    /// The mesh's broker.
    public let settings: ClientSettings
    private let process: ChildProcess
    private let log: String

    /// Starts `bots` (all that are enabled where it is empty), and waits until each of them runs.
    ///
    /// - Parameters:
    ///   - replicas: `BOT=N`.
    ///   - configuration: the folder of the bots' files; nil means the shipped `deploy/bots`.
    ///   - environment: the overlay.
    ///   - variables: added to the environment of all processes.
    public init(
        bots: [String] = [], replicas: [String] = [], configuration: String? = nil, environment: String = "development",
        variables: [String: String] = [:], arguments: [String] = []
    ) async throws {
        var random = SystemRandomNumberGenerator()
        dataDirectory = FileManager.default.temporaryDirectory.path() + "/mesh-\(random.next())"
        try FileManager.default.createDirectory(atPath: dataDirectory, withIntermediateDirectories: true)
        log = dataDirectory + "/up.log"
        var words = ["up"] + bots + ["--data-dir", dataDirectory, "--env", environment, "--port", "\(try FreePort.choose())"]
        for count in replicas { words += ["--replicas", count] }
        if let configuration { words += ["--config-dir", configuration] }
        let inherited = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LLVM_PROFILE_FILE", "MESH_LOCAL_BROKER"].contains($0.key)
        }
        process = try ChildProcess.spawn(
            ChildProcess.Launch(
                program: Programs.path("mesh"), arguments: words + arguments,
                environment: inherited.merging(["MESH_HOME": Programs.packageRoot, "NO_COLOR": "1"]) { $1 }.merging(variables) { $1 },
                output: .file(log), onParentDeath: .terminate))
        let (log, process, dataDirectory) = (log, process, dataDirectory)
        do {
            try await eventually("mesh up is ready", within: .seconds(90)) {
                if let status = process.exitStatus { throw MeshDidNotStart(reason: "mesh up \(status)") }
                return Self.text(log).contains("\nready ")
            }
            let running = try JSONDecoder().decode(Running.self, from: Data(contentsOf: URL(filePath: dataDirectory + "/mesh.json")))
            settings = ClientSettings(bootstrapServers: running.brokers)
        } catch {
            process.stop(grace: .seconds(10))
            throw MeshDidNotStart(reason: "\(error)\n\(Self.text(log))")
        }
    }

    private struct Running: Decodable { let brokers: String }

    /// What `mesh up` has printed so far.
    public var output: String { Self.text(log) }

    /// Process ids of an instance, e.g. `BuildBot-1`, as the kernel knows them now.
    public func processes(of instance: String) -> [Int32] {
        let parts = instance.split(separator: "-")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { pid in
            let words = Self.text("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
            guard words.first?.hasSuffix("/meshbot") == true, words.count > 3, words[1] == parts[0], words[3] == parts[1] else {
                return false
            }
            return Self.text("/proc/\(pid)/environ").contains("MESH_DATA_DIR=\(dataDirectory)\0")
        }
    }

    /// Drains the mesh and waits for its end. Keeps the logs when `keepsData`.
    public func stop(keepsData: Bool = false) throws {
        guard let status = process.stop(grace: .seconds(45)) else { throw MeshDidNotStart(reason: "mesh up did not stop") }
        if !status.isSuccess { throw MeshDidNotStart(reason: "mesh up \(status) when it was stopped:\n\(output)") }
        if !keepsData { try FileManager.default.removeItem(atPath: dataDirectory) }
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

/// `mesh up` failed in a test; the reason has its output.
public struct MeshDidNotStart: Error, CustomStringConvertible {
    public let reason: String
    public var description: String { reason }
}
