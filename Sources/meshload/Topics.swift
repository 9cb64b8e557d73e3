import BotKit
import Envelopes
import Kafka

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
        let admin = try AdminClient(self, observer: ClientObserver(log: { _ in }))
        defer { admin.close(timeout: .seconds(1)) }
        do {
            return try body(admin)
        } catch let error as KafkaError where error.isBrokersDown || error.isTimeout {
            throw LoadFailure("no broker answers at \(bootstrapServers): is it running? --brokers names another (\(error))")
        }
    }

    /// Throws where no broker answers.
    func checkReachable() throws { _ = try reaching { try $0.metadata() } }
}
