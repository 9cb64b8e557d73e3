import BotKit
import Envelopes
import Kafka
import Telemetry

/// Answers the calls of replayed records from `mesh.audit`, which it reads once for each replay, on a thread of its own. What it read is let go some time after the
/// last question.
actor RecordedCalls {
    private let client: ClientSettings
    private let bot: String
    private let logger: Logger
    private var reading: Task<RecordedResults, any Error>?
    /// Replays that began before it was read: what it holds answers them all.
    private var known: Set<String> = []
    private var questions = 0
    /// Lets go what was read; nil while there is nothing to let go.
    private var idleWatch: Task<Void, any Error>?

    /// How long it is held without a question.
    private static let idle = Duration.seconds(600)
    private static let mostKnown = 1_000

    init(client: ClientSettings, bot: String, logger: Logger) {
        self.client = client
        self.bot = bot
        self.logger = logger
    }

    func outcome(of request: any CallRequest, _ recall: Recall) async -> CallOutcome {
        guard let key = recall.key else { return Self.skipped(request, "nobody knows which call of the original run it stands for") }
        questions += 1
        if idleWatch == nil { idleWatch = forgetWhenIdle() }
        do {
            let results = try await results(for: recall.replay)
            return results.outcome(of: request, key: key) ?? Self.skipped(request, "the audit has no result of the original call")
        } catch {
            return .failure(
                CallFailure(.transient, code: ReplayMarks.unreadableCode, message: "\(AuditRecord.topic) cannot be read: \(error)"))
        }
    }

    private static func skipped(_ request: any CallRequest, _ reason: String) -> CallOutcome {
        let message = "\(type(of: request).kind) is not performed in a replay, and \(reason). To perform it: mesh replay --allow-calls"
        return .failure(CallFailure(.permanent, code: ReplayMarks.skippedCode, message: message))
    }

    private func results(for replay: String) async throws -> RecordedResults {
        let task = task(for: replay)
        do { return try await task.value } catch {
            // Of those who waited for it the others may have begun another.
            if reading == task { forget() }
            throw error
        }
    }

    private func task(for replay: String) -> Task<RecordedResults, any Error> {
        if let reading, known.contains(replay) { return reading }
        if known.count >= Self.mostKnown { known = [] }
        known.insert(replay)
        let task = Task { [client, bot, logger] in
            try await DedicatedThread.run(name: "audit") { try Self.read(client, bot: bot, logger: logger) }
        }
        reading = task
        return task
    }

    private func forgetWhenIdle() -> Task<Void, any Error> {
        Task {
            var last: Int
            repeat {
                last = questions
                try await Task.sleep(for: Self.idle)
            } while questions != last
            idleWatch = nil
            forget()
        }
    }

    private func forget() {
        reading = nil
        known = []
    }

    private static func read(_ client: ClientSettings, bot: String, logger: Logger) throws -> RecordedResults {
        let consumer = try Consumer(client, group: .none(reportsPartitionEnd: true), observer: .logging(logger))
        defer { consumer.close(timeout: .seconds(2)) }
        let topic = try consumer.metadata(topic: AuditRecord.topic).topics[AuditRecord.topic]
        if let error = topic?.error { throw error }
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
