import BotKit
import Envelopes
import Kafka

/// Turns what a bot produces into records: envelopes with derived ids, notifications that the configuration asks for, the child's trace context.
struct Results: Sendable {
    let settings: RuntimeSettings
    let contract: Contract
    let configuration: BotConfiguration
    let codec: MeshCodec
    private let rules: [(rule: BotConfiguration.NotificationRule, pattern: EventPattern, template: Template?)]
    private let destination: String?
    /// What the contract's outputs are checked against, in its order.
    private let checks: [PayloadRules?]

    init(settings: RuntimeSettings, contract: Contract, configuration: BotConfiguration, codec: MeshCodec) throws(ConfigurationError) {
        self.settings = settings
        self.contract = contract
        self.configuration = configuration
        self.codec = codec
        var rules: [(BotConfiguration.NotificationRule, EventPattern, Template?)] = []
        for (place, rule) in configuration.notifications.enumerated() {
            do {
                rules.append(
                    (
                        rule, try EventPattern(parsing: rule.event.name),
                        try rule.template.map { text throws(LanguageError) in try Template(parsing: text, syntax: .both) }
                    ))
            } catch {
                throw ConfigurationError(path: "notifications[\(place)]", message: error.description)
            }
        }
        self.rules = rules
        checks = contract.produces.map { codec.rules(of: $0) }
        destination = configuration.outputs.first { $0.kind == .message }?.destination
    }

    /// What the handling of an input has produced.
    struct Made: Sendable {
        private(set) var records: [Produced] = []
        /// Events among the records, for the configuration's outputs after the settlement; empty where it has none.
        private(set) var events: [Envelope] = []
        /// Of the records, and of the events' payloads.
        private(set) var bytes = 0
        /// How many events of each type, those that were left out too: the ordinals of derived ids.
        var counts = Tally()
        /// The same of the events among the records.
        var unsettled = Tally()
        /// How many reminders were set, those that were left out too.
        var reminders = 0
        /// Of these the ones among the records.
        var unsettledReminders = 0

        mutating func add(_ record: consuming Produced) {
            bytes += record.byteCount
            records.append(record)
        }

        mutating func add(_ event: Envelope) {
            bytes += event.payload.count
            events.append(event)
        }

        /// Forgets what came after the first so many records and events.
        mutating func cut(records count: Int, events eventCount: Int) {
            bytes -= records[count...].reduce(0) { $0 + $1.byteCount } + events[eventCount...].reduce(0) { $0 + $1.payload.count }
            records.removeLast(records.count - count)
            events.removeLast(events.count - eventCount)
        }

        /// All of it is on its way to its settlement.
        mutating func handOver() {
            (records, events, bytes, unsettled, unsettledReminders) = ([], [], 0, Tally(), 0)
        }
    }

    /// Adds events, and the notifications that go out with them. What `isVisible` knows by its type and ordinal is counted and left out.
    ///
    /// When it throws, `made` has what came before the output that cannot be produced.
    func produce(_ outputs: [UntypedOutput], because cause: Cause, into made: inout Made, unless isVisible: (EventType, Int) -> Bool)
        throws(Rejection)
    {
        for output in outputs {
            let type = output.type
            let ordinal = made.counts[type]
            if !isVisible(type, ordinal) {
                let (records, events) = (made.records.count, made.events.count)
                do throws(Rejection) {
                    try produce(output, ordinal: ordinal, because: cause, into: &made)
                } catch {
                    made.cut(records: records, events: events)
                    throw error
                }
                made.unsettled.add(type)
            }
            // One that cannot be produced does not count: a later attempt shall not take it for visible.
            made.counts.add(type)
        }
    }

    private func produce(_ output: UntypedOutput, ordinal: Int, because input: Cause, into made: inout Made) throws(Rejection) {
        let type = output.type
        guard let place = contract.produces.firstIndex(of: type) else {
            throw .permanent("undeclared-output", "\(contract.name) produced \(type), which its contract does not name; correct the bot")
        }
        let cause = input.event.envelope
        let envelope = Envelope(
            id: .derived(causation: input.id, bot: contract.name, type: type, ordinal: ordinal, replay: cause.replay),
            timestamp: input.now,
            source: contract.name, destination: destination, type: type, version: output.version, payload: output.payload,
            priority: output.priority ?? cause.priority, because: cause, trace: cause.trace?.child(of: input.run.id))
        if let violations = checks[place]?.violations(in: output.payload), !violations.isEmpty {
            let what = violations.prefix(3).map(\.description).joined(separator: "; ")
            throw .permanent("invalid-output", "\(contract.name) produced a \(type) that its schema refuses: \(what)")
        }
        let original = input.replay?.originalID.map { EventID.derived(causation: $0, bot: contract.name, type: type, ordinal: ordinal) }
        try add(envelope, original, key: output.key, because: input, to: &made)
        for (place, (rule, pattern, template)) in rules.enumerated()
        where pattern.matches(type) && type.domain != "notification" {
            let (notification, key) = try notification(rule, template, place: place, of: envelope)
            try add(notification, original.map { notificationID(of: $0, place: place) }, key: key, because: input, isAside: true, to: &made)
        }
    }

    /// `original` is the id that the event would have had without the replay.
    private func add(
        _ envelope: Envelope, _ original: EventID?, key: String?, because input: Cause, isAside: Bool = false, to made: inout Made
    ) throws(Rejection) {
        var marks = Headers()
        if input.wasOvertaken { marks.append(OutgoingEvent.reordered) }
        if let replay = input.replay { marks.append(contentsOf: replay.marks.headers(ofProduced: original)) }
        let event = try codec.outgoing(envelope, key: key, marks: marks, isAside: isAside)
        let most = settings.limits.recordBytes
        if event.mostBytes > most {
            let bytes = event.record.byteCount
            guard bytes <= most else {
                let message =
                    "\(contract.name) produced a \(event.topic) of \(bytes) bytes, \(most) are allowed; let it produce less, then redrive the record"
                throw .permanent("output-too-large", message)
            }
        }
        made.add(.event(event))
        if !configuration.outputs.isEmpty { made.add(envelope) }
    }

    private func notification(
        _ rule: BotConfiguration.NotificationRule, _ template: Template?, place: Int, of event: Envelope
    ) throws(Rejection) -> (Envelope, key: String?) {
        let payload = try codec.payload(of: event)
        let text = template?.render { payload[dotted: $0] } ?? "\(event.type) by \(event.source)"
        let request = NotificationRequested(
            title: DeadLetters.cut("\(event.type): \(text)".split(separator: "\n").first.map(String.init) ?? event.type.name, to: 200),
            text: text, severity: Severity(rule.severity), channels: rule.channels, dedupKey: "\(event.id.text)/\(place)",
            eventType: event.type, repository: payload["repository"]?.string, environment: payload["environment"]?.string)
        let bytes: [UInt8]
        do { bytes = try request.jsonBytes() } catch { throw .permanent("unwritable-output", error.description) }
        let envelope = Envelope(
            id: notificationID(of: event.id, place: place, replay: event.replay), timestamp: event.timestamp, source: contract.name,
            type: NotificationRequested.type, version: NotificationRequested.version,
            payload: bytes, priority: event.priority, because: event, trace: event.trace)
        return (envelope, request.key)
    }

    /// Not as the bot's own results: it may consume the event too, and ask for a notification because of it.
    private func notificationID(of event: EventID, place: Int, replay: String? = nil) -> EventID {
        .derived(
            causation: event, bot: "\(contract.name)/notifications", type: NotificationRequested.type, ordinal: place, replay: replay)
    }

    /// What `bot.error` says of a dead letter. Nil when it would tell of itself.
    func error(_ failure: Failure, of record: Record, _ passport: Passport, envelope cause: Envelope?, at now: Timestamp) throws(Rejection)
        -> OutgoingEvent?
    {
        guard passport.origin.topic != BotErrorEvent.type.name else { return nil }
        let event = BotErrorEvent(
            bot: contract.name, instance: settings.instance, code: failure.code, message: DeadLetters.cut(failure.message),
            topic: passport.origin.topic, partition: passport.origin.partition, offset: passport.origin.offset)
        let place = EventID.derived(
            topic: record.topic, partition: record.partition, offset: record.offset,
            timestamp: Timestamp(milliseconds: record.timestamp.milliseconds))
        let bytes: [UInt8]
        do { bytes = try event.jsonBytes() } catch { throw .permanent("unwritable-output", error.description) }
        let envelope = Envelope(
            id: .derived(causation: place, bot: contract.name, type: BotErrorEvent.type, ordinal: 0, replay: cause?.replay), timestamp: now,
            source: contract.name, type: BotErrorEvent.type, version: BotErrorEvent.version, payload: bytes, priority: .high,
            correlationID: cause?.correlationID ?? place.text, causationID: cause?.id.text, trace: cause?.trace?.child(of: place.text),
            replay: cause?.replay)
        return try codec.outgoing(envelope, key: event.key)
    }
}

extension Severity {
    init(_ severity: BotConfiguration.NotificationRule.Severity) {
        switch severity {
        case .critical: self = .critical
        case .warning: self = .warning
        case .info: self = .info
        }
    }
}
