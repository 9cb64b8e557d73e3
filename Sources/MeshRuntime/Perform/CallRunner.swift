import BotKit
import Envelopes
import Kafka
import Synchronization

/// Runs calls as Swift tasks and posts how they ended. Confined to the engine's thread, except for the tasks themselves.
final class CallRunner {
    private let performers: CallPerformers
    private let mailbox: Mailbox
    private let lines: StepLines?
    private let recorded: RecordedCalls
    private var tasks: [CallReference: Task<Void, Never>] = [:]

    init(performers: CallPerformers, mailbox: Mailbox, lines: StepLines?, recorded: RecordedCalls) {
        self.performers = performers
        self.mailbox = mailbox
        self.lines = lines
        self.recorded = recorded
    }

    var count: Int { tasks.count }

    func start(_ call: CallStart) {
        if let recall = call.recall {
            tasks[call.reference] = Task { [recorded, mailbox] in
                mailbox.put(.callFinished(call.reference, await recorded.outcome(of: call.request, recall)))
            }
            return
        }
        let log: @Sendable (LogLine) -> Void = lines?.sink(for: call) ?? { @Sendable _ in }
        let context = CallContext(
            idempotencyKey: call.idempotencyKey, runID: call.runID, correlationID: call.correlationID, isRepeat: call.isRepeat, log: log)
        tasks[call.reference] = Task { [performers, mailbox] in
            let outcome = await performers.perform(call.request, context)
            mailbox.put(.callFinished(call.reference, outcome))
        }
    }

    func cancel(_ reference: CallReference) { tasks[reference]?.cancel() }

    /// The task has ended.
    func ended(_ reference: CallReference) { tasks[reference] = nil }

    func cancelAll() { for task in tasks.values { task.cancel() } }
}

/// Publishes lines of steps on `<domain>.log`.
final class StepLines: Sendable {
    private let bot: String
    private let instance: String
    private let type: EventType
    private let producer: SideProducer
    private let codec: EnvelopeCodec
    /// Numbers of the next lines, by run. Bounded: the oldest runs are forgotten.
    private let sequences = Mutex<(next: [String: Int], order: [String])>(([:], []))

    private static let rememberedRuns = 1_000

    init(bot: String, instance: String, domain: some StringProtocol, producer: SideProducer) {
        self.bot = bot
        self.instance = instance
        type = StepLog.type(domain: domain)
        self.producer = producer
        codec = EnvelopeCodec()
    }

    func sink(for call: CallStart) -> @Sendable (LogLine) -> Void {
        let began = Timestamp.now
        let cause = call.causation
        let written = Count()
        return { [self] line in
            let number = next(call.runID)
            let payload = StepLog(runID: call.runID, step: line.step, stream: line.stream.rawValue, text: line.text, sequence: number)
            let id = EventID(
                UUIDv5.derive([call.idempotencyKey, instance, String(began.milliseconds), "line", String(written.next())]))
            do {
                let envelope = Envelope(
                    id: id, timestamp: .now, source: bot, type: type, version: StepLog.version, payload: try payload.jsonBytes(),
                    priority: .low, correlationID: call.correlationID, causationID: cause.id.text, trace: nil, replay: cause.replay)
                let encoded = codec.encode(envelope)
                producer.send(
                    OutgoingRecord(
                        topic: type.name, key: Array(call.runID.utf8), value: encoded.value,
                        headers: Headers(encoded.headers.map { Header($0.name, $0.value) })))
            } catch {
                // A line whose text is not UTF-8 cannot become JSON; Swift's strings always are.
                return
            }
        }
    }

    /// Numbers from 0. Any thread.
    private final class Count: Sendable {
        private let value = Mutex(0)

        func next() -> Int {
            value.withLock { value in
                defer { value += 1 }
                return value
            }
        }
    }

    private func next(_ run: String) -> Int {
        sequences.withLock { state in
            if let number = state.next[run] {
                state.next[run] = number + 1
                return number
            }
            state.next[run] = 1
            state.order.append(run)
            if state.order.count > Self.rememberedRuns { state.next[state.order.removeFirst()] = nil }
            return 0
        }
    }
}
