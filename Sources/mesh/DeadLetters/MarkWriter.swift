import Envelopes
import Glibc
import Kafka

/// Writes what is done about dead letters: for each the record that goes out, if there is one, and the mark that says so, together with the audit, in one
/// transaction. So a dead letter is marked if and only if its record is there, wherever the command is killed.
///
/// One writer at a time: a second one fences the first, which then throws `Fenced`. Confined to the thread that made it.
final class MarkWriter {
    struct Step {
        let letter: DeadLetter
        let record: OutgoingRecord?
        let mark: DeadLetterMark
    }

    /// What a batch did not do: the broker will never take that record.
    struct Refused {
        let step: Step
        let error: KafkaError
    }

    /// Another command has taken over.
    struct Fenced: Error, CustomStringConvertible {
        let description =
            "another mesh dlq redrive or purge has begun, or a transaction took longer than 10 s: this one has stopped. What is left is as it was; run it again"
    }

    static let transactionalID = "mesh-dlq"
    /// A killed command holds readers of the retry topics up for so long at most.
    private static let transactionTimeout = Duration.seconds(10)
    private static let limit = Duration.seconds(15)
    /// How often one batch is tried.
    private static let attempts = 5

    private let producer: Producer
    private let isTransactional: Bool
    private var audit: PersonAudit

    /// Takes the place of every other writer, whose open transaction is aborted. Read the marks after it.
    init(_ settings: ClientSettings, isTransactional: Bool, audit: PersonAudit) throws {
        self.isTransactional = isTransactional
        self.audit = audit
        producer = try Producer(
            settings,
            ProducerSettings(
                transactionalID: isTransactional ? Self.transactionalID : nil, transactionTimeout: Self.transactionTimeout,
                linger: .milliseconds(5)))
        guard isTransactional else { return }
        do throws(KafkaError) {
            try repeating { () throws(KafkaError) in try producer.initTransactions(timeout: Self.limit) }
        } catch {
            producer.close(timeout: .seconds(1))
            throw error
        }
    }

    func close() { producer.close(timeout: .seconds(5)) }

    /// Takes marks back whose dead letters are gone.
    func forget(_ places: [DeadLetterPlace]) throws {
        for start in stride(from: 0, to: places.count, by: 1_000) {
            let part = places[start..<min(places.count, start + 1_000)]
            _ = try write(part.map { OutgoingRecord(topic: DeadLetterMark.topic, key: Array($0.description.utf8), value: nil) })
        }
    }

    /// Tells the audit what was not done, and why.
    func refuse(_ refusals: [Redrive.Refusal: Int], action: String) throws {
        var records: [OutgoingRecord] = []
        for (refusal, count) in refusals.sorted(by: { ($0.key.bot, $0.key.code) < ($1.key.bot, $1.key.code) }) {
            let bot = refusal.bot.isEmpty ? "no bot" : refusal.bot
            records.append(
                try audit.record(action: action, subject: "\(count) of \(bot) in \(OwnTopic.deadLetters)", refusal: refusal.code))
        }
        guard !records.isEmpty else { return }
        if let failure = try write(records) { throw failure.error }
        audit.commit()
    }

    /// Does all the steps or none of them, but for those that the broker refuses for good. `subject` says what is done by the steps that are.
    func write(_ steps: [Step], action: String, subject: ([Step]) -> String) throws -> [Refused] {
        var left = steps
        var refused: [Refused] = []
        while !left.isEmpty {
            var records: [OutgoingRecord] = []
            for step in left {
                if let record = step.record { records.append(record) }
                records.append(
                    OutgoingRecord(
                        topic: DeadLetterMark.topic, key: Array(step.mark.key.utf8), value: try JSONCoder.bytes(step.mark)))
            }
            records.append(try audit.record(action: action, subject: subject(left)))
            guard let failure = try write(records) else {
                audit.commit()
                return refused
            }
            audit.abort()
            let owners = left.flatMap { step in step.record == nil ? [step] : [step, step] }
            guard failure.index < owners.count, !Self.own.contains(records[failure.index].topic) else { throw failure.error }
            let place = owners[failure.index].letter.place
            refused.append(Refused(step: owners[failure.index], error: failure.error))
            left.removeAll { $0.letter.place == place }
        }
        return refused
    }

    /// nil: all are there. Else the record that the broker will never take; none of them is there.
    private func write(_ records: [OutgoingRecord]) throws -> (index: Int, error: KafkaError)? {
        var attempt = 1
        while true {
            do throws(KafkaError) {
                return try isTransactional ? transact(records) : deliver(records)
            } catch {
                if error.isFenced || producer.fatalError?.isFenced ?? false { throw Fenced() }
                guard !error.isFatal, producer.fatalError == nil, attempt < Self.attempts else { throw error }
                attempt += 1
            }
        }
    }

    private func transact(_ records: [OutgoingRecord]) throws(KafkaError) -> (index: Int, error: KafkaError)? {
        _ = producer.deliveries()
        do throws(KafkaError) {
            try producer.beginTransaction()
            if let failure = try send(records) {
                try abort()
                return failure
            }
            try repeating { () throws(KafkaError) in try producer.commitTransaction(timeout: Self.limit) }
            return nil
        } catch {
            let refused = refusal(in: producer.deliveries())
            guard !error.isFatal, producer.fatalError == nil else { throw error }
            try abort()
            if let refused { return refused }
            throw error
        }
    }

    private func abort() throws(KafkaError) {
        try repeating { () throws(KafkaError) in try producer.abortTransaction(timeout: Self.limit) }
    }

    /// Without transactions: what goes out first, then the marks. A crash between them repeats records, with the same ids.
    private func deliver(_ records: [OutgoingRecord]) throws(KafkaError) -> (index: Int, error: KafkaError)? {
        for isOwn in [false, true] {
            _ = producer.deliveries()
            if let failure = try send(records, where: { Self.own.contains($0.topic) == isOwn }) { return failure }
            try producer.flush(timeout: Self.limit)
            let reports = producer.deliveries()
            if let refused = refusal(in: reports) { return refused }
            if let error = reports.compactMap(\.error).first { throw error }
        }
        return nil
    }

    /// The mesh's own bookkeeping, which no step can do without.
    private static let own: Set = [DeadLetterMark.topic, AuditRecord.topic]

    private func send(
        _ records: [OutgoingRecord], where isMeant: (OutgoingRecord) -> Bool = { _ in true }
    ) throws(KafkaError) -> (index: Int, error: KafkaError)? {
        for (index, record) in records.enumerated() where isMeant(record) {
            do throws(KafkaError) {
                try producer.send(record, token: UInt64(index), patience: Self.limit)
            } catch {
                if error.isRecordRefused { return (index, error) }
                throw error
            }
        }
        return nil
    }

    private func refusal(in deliveries: [Delivery]) -> (index: Int, error: KafkaError)? {
        for delivery in deliveries {
            if let error = delivery.error, error.isRecordRefused { return (Int(clamping: delivery.token), error) }
        }
        return nil
    }

    /// Repeats a call of the transaction's protocol while that is what the error asks for, for at most half a minute.
    private func repeating(_ body: () throws(KafkaError) -> Void) throws(KafkaError) {
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                guard error.isRetriable, !error.requiresAbort, !error.isFatal, ContinuousClock.now < deadline else { throw error }
                usleep(50_000)
            }
        }
    }
}
