import BotKit
import Envelopes
import Kafka
import Synchronization

/// The topics of a load test.
enum Topics {
    static let deadLetters = "mesh.dlq"

    /// Makes what is not there yet, with six partitions if nothing else is said.
    static func ensure(_ names: [String], compacted: [String] = [], partitions: Int32 = 6, _ client: ClientSettings) throws {
        let wanted =
            names.map { NewTopic(name: $0, partitions: partitions) }
            + compacted.map { NewTopic(name: $0, partitions: partitions, configuration: ["cleanup.policy": "compact"]) }
        try client.reaching { try $0.createTopics(wanted).check(except: \.isTopicAlreadyExists) }
    }

    /// Makes these and what every bot of a mesh writes, whoever it is.
    static func ensureMesh(and names: [String] = [], compacted: [String] = [], _ client: ClientSettings) throws {
        try ensure(
            names + [deadLetters, BotCapabilities.type.name, BotErrorEvent.type.name, AuditRecord.topic],
            compacted: compacted + [ControlRecord.topic, InstanceRecord.topic], client)
    }
}

extension ClientSettings {
    /// Does what needs a broker. Where none answers, the error names the addresses, and nothing else is said.
    func reaching<Value>(_ body: (AdminClient) throws -> Value) throws -> Value {
        let said = LastError()
        let admin = try AdminClient(self, observer: ClientObserver(log: { said.note($0) }))
        defer { admin.close(timeout: .seconds(1)) }
        do {
            return try body(admin)
        } catch let error as KafkaError where error.isBrokersDown || error.isTimeout {
            // It may be there, and not take our login.
            let reason = said.text.map { "\(error); \($0)" } ?? "\(error)"
            throw LoadFailure("no broker answers at \(bootstrapServers): is it running? --brokers names another (\(reason))")
        }
    }

    /// Throws where no broker answers.
    func checkReachable() throws { _ = try reaching { try $0.metadata() } }
}

/// What a client said last of what went wrong. Any thread.
private final class LastError: Sendable {
    private let line = Mutex<String?>(nil)

    /// As syslog has it: an error, or worse.
    private static let errorLevel: Int32 = 3

    func note(_ said: ClientObserver.LogLine) {
        if said.level <= Self.errorLevel { line.withLock { $0 = said.message } }
    }

    var text: String? { line.withLock { $0 } }
}
