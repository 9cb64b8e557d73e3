import BotKit
import Envelopes
import Kafka
import Telemetry

/// Answers the calls of replayed records from `mesh.audit`, which it reads once for each replay, on a thread of its own.
actor RecordedCalls {
    private let client: ClientSettings
    private let bot: String
    private let logger: Logger
    private var reading: (replay: String, task: Task<RecordedResults, any Error>)?

    init(client: ClientSettings, bot: String, logger: Logger) {
        self.client = client
        self.bot = bot
        self.logger = logger
    }

    func outcome(of request: any CallRequest, _ recall: Recall) async -> CallOutcome {
        guard let key = recall.key else { return Self.skipped(request, "nobody knows which call of the original run it stands for") }
        do {
            let results = try await results(for: recall.replay)
            return results.outcome(of: request, key: key) ?? Self.skipped(request, "the audit has no result of the original call")
        } catch {
            reading = nil
            return .failure(
                CallFailure(.transient, code: ReplayMarks.unreadableCode, message: "\(AuditRecord.topic) cannot be read: \(error)"))
        }
    }

    private static func skipped(_ request: any CallRequest, _ reason: String) -> CallOutcome {
        let message = "\(type(of: request).kind) is not performed in a replay, and \(reason). To perform it: mesh replay --allow-calls"
        return .failure(CallFailure(.permanent, code: ReplayMarks.skippedCode, message: message))
    }

    private func results(for replay: String) async throws -> RecordedResults {
        if let reading, reading.replay == replay { return try await reading.task.value }
        let task = Task { [client, bot, logger] in
            try await DedicatedThread.run(name: "audit") { try Self.read(client, bot: bot, logger: logger) }
        }
        reading = (replay, task)
        return try await task.value
    }

    private static func read(_ client: ClientSettings, bot: String, logger: Logger) throws -> RecordedResults {
        let admin = try AdminClient(client, observer: .logging(logger))
        let topic = try admin.metadata(topic: AuditRecord.topic).topics[AuditRecord.topic]
        admin.close(timeout: .seconds(2))
        if let error = topic?.error { throw error }
        let consumer = try Consumer(client, group: .none(reportsPartitionEnd: true), observer: .logging(logger))
        defer { consumer.close(timeout: .seconds(2)) }
        var results = RecordedResults(bot: bot)
        let partitions = (topic?.partitions ?? []).map { TopicPartition(AuditRecord.topic, $0.id) }
        let scan = PartitionScan(consumer: consumer, progress: RestoreProgress(), logger: logger)
        try scan.read(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) })) { record in
            if let value = record.value { results.take(value) }
            return .more
        }
        return results
    }
}
