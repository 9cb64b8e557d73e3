import FoundationEssentials
import Kafka
import Terminal

/// No broker is named, or none answers. Exit status 3.
struct NoBroker: Error, CustomStringConvertible {
    let description: String
}

/// What `mesh up` leaves in the data directory, so that other commands find it.
struct RunningMesh: Codable {
    let brokers: String
    let pid: Int32
    let startedAt: String
    /// The operator's login, where the broker asks for one: a file of librdkafka's properties.
    var propertiesFile: String?
    /// When all bots ran; nil before that.
    var readyAt: String?

    private static func file(in dataDirectory: String) -> String { dataDirectory + "/mesh.json" }

    static func read(in dataDirectory: String) -> RunningMesh? {
        guard let data = FileManager.default.contents(atPath: file(in: dataDirectory)) else { return nil }
        return try? JSONDecoder().decode(RunningMesh.self, from: data)
    }

    func write(in dataDirectory: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(self).write(to: URL(filePath: Self.file(in: dataDirectory)), options: .atomic)
    }

    static func forget(in dataDirectory: String) throws {
        if FileManager.default.fileExists(atPath: file(in: dataDirectory)) {
            try FileManager.default.removeItem(atPath: file(in: dataDirectory))
        }
    }
}

extension Invocation {
    var dataDirectory: String { absolute(self["data-dir"] ?? ".botmesh") }

    /// The settings that were given: `--brokers` over the environment. nil when neither names a broker.
    func givenSettings() throws -> ClientSettings? {
        var environment = environment
        if let brokers = self["brokers"] { environment["KAFKA_BOOTSTRAP_SERVERS"] = brokers }
        do {
            return try ClientSettings.fromEnvironment(environment)
        } catch SettingsError.noBootstrapServers {
            return nil
        }
    }

    /// The settings to reach the mesh with: those given, else those of the local mesh that runs here. `NoBroker` where no address takes a connection.
    func settings() throws -> ClientSettings {
        let settings = try unprovenSettings()
        try BrokerProbe.check(settings)
        return settings
    }

    /// The settings as `settings()` gives them, without an attempt to connect.
    func unprovenSettings() throws -> ClientSettings {
        var settings = try namedSettings()
        // What matters of librdkafka's own log, commands say themselves.
        if settings["log_level"] == nil { settings["log_level"] = "0" }
        return settings
    }

    private func namedSettings() throws -> ClientSettings {
        if let given = try givenSettings() { return given }
        if let running = RunningMesh.read(in: dataDirectory) {
            guard DirectoryLock.isTaken(dataDirectory) else {
                throw NoBroker(
                    description:
                        "the mesh under \(dataDirectory) (process \(running.pid)) has ended without saying so. Start it again: mesh up")
            }
            guard let login = running.propertiesFile else { return ClientSettings(bootstrapServers: running.brokers) }
            return try ClientSettings.fromEnvironment(["KAFKA_PROPERTIES_FILE": login])
        }
        throw NoBroker(
            description:
                "no broker: no mesh runs under \(dataDirectory), and neither --brokers nor KAFKA_BOOTSTRAP_SERVERS is set. Start one: mesh up"
        )
    }
}
