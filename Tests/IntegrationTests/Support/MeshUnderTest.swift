import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import LoopbackPorts
import MeshTesting
import Topology

/// A whole mesh as an operator starts it: `mesh up`, with a broker and a data directory of its own.
final class MeshUnderTest: Sendable {
    let directory: String
    let settings: ClientSettings
    let log: LogFollower
    private let process: ChildProcess

    /// Starts `mesh up` and waits until every bot runs. `configuration` are files for a configuration directory of its own, by name; nil: the shipped one.
    static func start(
        bots: [String] = [], replicas: [String] = [], configuration: [String: String]? = nil, flags: [String] = []
    ) async throws -> MeshUnderTest {
        let directory = try TemporaryDirectory.make(prefix: "mesh-up")
        var arguments = ["up"] + bots + ["--data-dir", directory + "/data"] + flags
        // Two meshes that begin at a time would both find the usual port free.
        if !flags.contains("--port") { arguments += ["--port", "\(try FreePort.choose())"] }
        for count in replicas { arguments += ["--replicas", count] }
        if let configuration {
            try FileManager.default.createDirectory(atPath: directory + "/bots", withIntermediateDirectories: true)
            for (name, text) in configuration { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/bots/\(name)")) }
            arguments += ["--config-dir", directory + "/bots"]
        }
        let output = directory + "/mesh.log"
        let launch = ChildProcess.Launch(
            program: try Programs.mesh, arguments: arguments, environment: Programs.environment, output: .file(output),
            onParentDeath: .terminate)
        let process = try await DedicatedThread.run(name: "mesh-up") { try ChildProcess.spawn(launch) }
        func said() -> String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
        do {
            try await eventually("mesh up to say that its bots run", within: .seconds(240)) {
                if let status = process.exitStatus { throw NotStarted(description: "mesh up \(status):\n\(said().suffix(4000))") }
                return said().contains(" run (")
            }
        } catch {
            process.signal(.terminate)
            throw NotStarted(description: "\(error)\n\(said().suffix(4000))")
        }
        let running = try JSONValue.parse(Array(try Data(contentsOf: URL(fileURLWithPath: directory + "/data/mesh.json"))))
        let login = try running["propertiesFile"]?.string.map { try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": $0]) }
        return try MeshUnderTest(
            directory: directory, settings: login ?? ClientSettings(bootstrapServers: running["brokers"]?.string ?? ""), process: process)
    }

    struct NotStarted: Error, CustomStringConvertible { let description: String }

    /// How a bot of a secure mesh logs in.
    func settings(of bot: String) throws -> ClientSettings {
        try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": "\(directory)/data/access/\(bot).properties"])
    }

    private init(directory: String, settings: ClientSettings, process: ChildProcess) throws {
        self.directory = directory
        self.process = process
        self.settings = settings
        let catalogue = try CatalogueLoader.load(directory: Programs.root + "/topics")
        log = LogFollower(settings, topics: Set(catalogue.definitions.keys.map(\.name)))
    }

    /// Ends it as Ctrl-C does, and removes its directory unless that `isNeeded` still; gives the exit status, nil when it had to be killed.
    @discardableResult
    func stop(directoryIsNeeded isNeeded: Bool = false) async throws -> ChildProcess.ExitStatus? {
        log.stop()
        return try await DedicatedThread.run(name: "mesh-down") { [process, directory] in
            process.signal(.interrupt)
            let status = process.wait(timeout: .seconds(120))
            if status == nil { process.signal(.kill) }
            // What went wrong stays there to be looked at.
            if status == .exited(0), !isNeeded { try? FileManager.default.removeItem(atPath: directory) }
            return status
        }
    }

    /// Process ids of an instance, e.g. `BuildBot-1`, as the kernel knows them now.
    func processes(of instance: String) -> [Int32] {
        func text(_ path: String) -> String { String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self) }
        let parts = instance.split(separator: "-")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { pid in
            let words = text("/proc/\(pid)/cmdline").split(separator: "\0").map(String.init)
            guard words.first?.hasSuffix("/meshbot") == true, words.count > 3, words[1] == parts[0], words[3] == parts[1] else {
                return false
            }
            return text("/proc/\(pid)/environ").contains("MESH_DATA_DIR=\(directory)/data\0")
        }
    }

    /// What `mesh up` printed.
    var output: String { (try? String(contentsOfFile: directory + "/mesh.log", encoding: .utf8)) ?? "" }

    /// Runs `mesh` against this mesh.
    func mesh(_ arguments: String..., timeout: Duration = .seconds(120)) async throws -> Programs.Answer {
        try await Programs.run(
            try Programs.mesh, arguments + ["--data-dir", directory + "/data"],
            log: "\(directory)/command-\(UInt32.random(in: 0 ... .max)).log", timeout: timeout)
    }

    /// Writes records as they are, and waits until the broker has them.
    func produce(_ records: [OutgoingRecord]) async throws {
        let settings = settings
        try await DedicatedThread.run(name: "produce") {
            let producer = try Producer(settings)
            defer { producer.close() }
            for delivery in try producer.sendAndWait(records) { if let error = delivery.error { throw error } }
        }
    }

    /// Writes one record with a text as value, as a person with kcat does.
    func produce(_ topic: EventType, key: String? = nil, _ text: String) async throws {
        try await produce([
            OutgoingRecord(topic: topic.name, key: key.map { Array($0.utf8) }, value: Array(text.utf8))
        ])
    }

    /// Waits until a bot has said on which port it tells of its health, and gives the last that was said. It may work before.
    func healthPort() async throws -> Int64 {
        var port: Int64?
        try await eventually("an instance to report its port", within: .seconds(120)) {
            port = try log.records(of: InstanceRecord.topic).compactMap {
                try JSONValue.parse($0.value ?? [])["health_port"]?.integer
            }.last
            return port != nil
        }
        guard let port else { throw NotStarted(description: "no port") }
        return port
    }

    /// Waits for an event of a type that `matches`.
    func event(
        _ type: EventType, within limit: Duration = .seconds(120), _ matches: @Sendable (LogFollower.Event) -> Bool = { _ in true }
    ) async throws -> LogFollower.Event {
        var found: LogFollower.Event?
        do {
            try await eventually("\(type) to be written", within: limit) {
                found = try log.events(of: type).first(where: matches)
                return found != nil
            }
        } catch {
            throw NotStarted(description: "\(error)\n\(output.suffix(6000))")
        }
        guard let found else { throw NotStarted(description: "no \(type)") }
        return found
    }
}
