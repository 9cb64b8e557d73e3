import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting

/// The programs of this package, as the build made them, and others of the machine.
enum Programs {
    /// The package's root.
    static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")

    static var mesh: String { get throws { try BuiltProgram.path("mesh") } }

    /// This process's environment without what points at a mesh or a broker.
    static var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !name.hasPrefix("KAFKA_") && !name.hasPrefix("MESH_")
        }
        environment["MESH_HOME"] = root
        return environment
    }

    /// What a program said, and how it ended.
    struct Answer: Sendable {
        let status: ChildProcess.ExitStatus?
        let text: String
    }

    /// Runs a program to its end; nil status: it did not end in time, and was killed.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = Programs.environment, log: String,
        timeout: Duration = .seconds(120)
    ) async throws -> Answer {
        try await DedicatedThread.run(name: "program") {
            if FileManager.default.fileExists(atPath: log) { try FileManager.default.removeItem(atPath: log) }
            let child = try ChildProcess.spawn(
                ChildProcess.Launch(program: program, arguments: arguments, environment: environment, output: .file(log)))
            let status = child.wait(timeout: timeout)
            if status == nil { child.signal(.kill) }
            return Answer(status: status, text: try String(contentsOfFile: log, encoding: .utf8))
        }
    }

    /// Where a program of the machine is; throws when it is missing.
    static func find(_ name: String) throws -> String {
        for folder in (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":") {
            let path = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw Missing(name: name)
    }

    struct Missing: Error, CustomStringConvertible {
        let name: String
        var description: String { "\(name) is not installed; run deploy/bootstrap.sh --test" }
    }
}
