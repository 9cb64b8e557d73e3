import BotKit
import Envelopes
import Kafka

/// Turns what a bot produces into records: envelopes with derived ids, notifications that the configuration asks for, the child's trace context.
struct Results: Sendable {
    let settings: RuntimeSettings
    let contract: Contract
    let configuration: BotConfiguration
    let codec: any RecordCodec
    private let rules: [(rule: BotConfiguration.NotificationRule, pattern: EventPattern, template: Template?)]
    private let destination: String?

    init(settings: RuntimeSettings, contract: Contract, configuration: BotConfiguration, codec: any RecordCodec) throws(ConfigurationError)
    {
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
        destination = configuration.outputs.first { $0.kind == .message }?.destination
    }

    /// Adds the event, and the notifications that go out with it, to the job's results. `ordinal` counts events of its type in the handling of one input.
    func produce(_ output: any BotOutput, ordinal: Int, for job: Job) throws(Rejection) {
        let type = output.eventType
        guard contract.produces.contains(type) else {
            throw .permanent("undeclared-output", "\(contract.name) produced \(type), which its contract does not name; correct the bot")
        }
        let cause = job.event.envelope
        let payload = output.payload
        let bytes: [UInt8]
        do { bytes = try payload.jsonBytes() } catch { throw .permanent("unwritable-output", error.description) }
        let envelope = Envelope(
            id: .derived(causation: job.inputID, bot: contract.name, type: type, ordinal: ordinal, replay: cause.replay),
            timestamp: job.now,
            source: contract.name, destination: destination, type: type, version: Swift.type(of: payload).version, payload: bytes,
            priority: output.priority ?? cause.priority, because: cause, trace: cause.trace?.child(of: job.runID))
        do {
            try codec.check(envelope)
        } catch {
            throw .permanent("invalid-output", "\(contract.name) produced a \(type) that its schema refuses: \(error.message)")
        }
        let original =
            job.replayMarks == nil
            ? nil
            : job.originalInputID.map {
                EventID.derived(causation: $0, bot: contract.name, type: type, ordinal: ordinal)
            }
        try add(envelope, original, key: output.key, to: job)
        for (place, (rule, pattern, template)) in rules.enumerated()
        where pattern.matches(type) && type.domain != "notification" {
            let (notification, key) = try notification(rule, template, place: place, of: envelope)
            let originalNotification = original.map {
                EventID.derived(causation: $0, bot: contract.name, type: NotificationRequested.type, ordinal: place)
            }
            try add(notification, originalNotification, key: key, to: job)
        }
    }

    /// `original` is the id that the event would have had without the replay.
    private func add(_ envelope: Envelope, _ original: EventID?, key: String?, to job: Job) throws(Rejection) {
        var record = try codec.encode(envelope, key: key)
        if job.passport.wasOvertaken { record.headers.append(Self.reordered) }
        if let marks = job.replayMarks { record.headers.append(contentsOf: marks.headers(ofProduced: original)) }
        job.results.append(record)
        if !configuration.outputs.isEmpty { job.resultEvents.append(envelope) }
    }

    /// Of results whose input went through the retry topic: they may come behind those of later inputs of their key.
    private static let reordered = Header("mesh_reordered", text: "1")

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
            id: .derived(causation: event.id, bot: contract.name, type: NotificationRequested.type, ordinal: place, replay: event.replay),
            timestamp: event.timestamp, source: contract.name, type: NotificationRequested.type, version: NotificationRequested.version,
            payload: bytes, priority: event.priority, because: event, trace: event.trace)
        return (envelope, request.key)
    }

    /// What `bot.error` says of a dead letter. Nil when it would tell of itself.
    func error(_ failure: Failure, of record: Record, _ passport: Passport, envelope cause: Envelope?, at now: Timestamp) throws(Rejection)
        -> OutgoingRecord?
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
        return try codec.encode(envelope, key: event.key)
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
