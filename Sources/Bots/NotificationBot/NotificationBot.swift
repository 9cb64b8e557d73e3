import BotKit
import Envelopes

/// Tells people what happened, over the channels that its rules name. Its aggregate is the matter: a deduplication key, which is also the
/// notification's id.
public struct NotificationBot: Bot {
    public typealias State = NotificationState
    public typealias Output = NotificationOutput
    public typealias Call = NotificationCall

    public static let contract = Contract(
        name: "NotificationBot",
        summary: "Tells people what happened, once, where they look, and goes on to the next channel when nobody answers.",
        consumes: [
            "notification.requested", "notification.acknowledged", "code.committed", "build.*", "test.*", "security.*", "deploy.*",
            "monitor.*",
            "alert.*", "bot.error", "incident.*", "anomaly.detected", "lint.*", "review.completed", "pr.*", "workflow.*", "backup.*",
            "restore.*", "migration.*", "scaling.*", "compliance.report", "cost.report", "performance.report", "quality.report",
            "docs.links_broken",
        ],
        produces: NotificationOutput.types,
        calls: NotificationCall.kinds,
        steps: NotificationChannel.steps,
        actionForm: .set,
        never: ["decides what is done about an event", "sends the same alert twice within its window", "writes a secret into a record"],
        permissions: [Permission(resource: "notification-channel", actions: ["send"])])

    /// Within it, the same matter is told once.
    static let window: Duration = .seconds(3600)

    public let contract: Contract
    let channels: [String: NotificationChannel]
    let firstChannel: String
    let rules: NotificationRules
    private let retry: RetryPolicy

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        let actions = configuration.actions.isEmpty ? NotificationChannel.standard : configuration.actions
        var list: [NotificationChannel] = []
        for (index, action) in actions.enumerated() { list.append(try NotificationChannel(action, index: index)) }
        var channels: [String: NotificationChannel] = [:]
        for (index, channel) in list.enumerated() {
            guard channels.updateValue(channel, forKey: channel.name) == nil else {
                throw ConfigurationError(path: "actions[\(index)].name", message: "the channel '\(channel.name)' is there twice")
            }
        }
        for (index, channel) in list.enumerated() {
            var seen: Set<String> = [channel.name]
            var next = channel.fallback
            while let name = next {
                guard let fallback = channels[name] else {
                    throw ConfigurationError(path: "actions[\(index)].on_failure", message: "there is no channel '\(name)'")
                }
                guard seen.insert(name).inserted else {
                    throw ConfigurationError(path: "actions[\(index)].on_failure", message: "leads back to '\(name)'")
                }
                next = fallback.fallback
            }
        }
        self.channels = channels
        firstChannel = list[0].name
        rules = try NotificationRules(configuration, channels: list)
        retry = configuration.constraints.retry ?? Self.contract.retry
        contract = Self.narrowed(rules)
    }

    /// The static contract with only the events that a rule names, and what belongs to them.
    private static func narrowed(_ rules: NotificationRules) -> Contract {
        var consumes: [EventType] = [NotificationRequested.type, NotificationAcknowledged.type]
        for rule in rules.rules {
            let type = EventType(rule.pattern.description)
            if !consumes.contains(type) { consumes.append(type) }
        }
        if !rules.matching(AlertTriggered.type).isEmpty && rules.matching(AlertResolved.type).isEmpty {
            consumes.append(AlertResolved.type)
        }
        return Contract(
            name: contract.name, summary: contract.summary, consumes: consumes, produces: contract.produces, calls: contract.calls,
            cancels: contract.cancels, retry: contract.retry, steps: contract.steps, actionForm: contract.actionForm, never: contract.never,
            permissions: contract.permissions)
    }

    public func aggregate(of event: Event) throws(Rejection) -> String {
        switch event.type {
        case NotificationRequested.type: Self.identifier(try event.decode(NotificationRequested.self).dedupKey ?? event.envelope.id.text)
        case NotificationAcknowledged.type: try event.decode(NotificationAcknowledged.self).notificationID
        case AlertTriggered.type: Self.identifier("alert/\(try event.decode(AlertTriggered.self).key ?? event.envelope.id.text)")
        case AlertResolved.type: Self.identifier("alert/\(try event.decode(AlertResolved.self).key ?? event.envelope.id.text)")
        default: Self.identifier("\(event.type)/\(event.envelope.id.text)")
        }
    }

    /// A matter as a notification's id, which has at most 128 characters: as it is, or a UUID made of it.
    private static func identifier(_ matter: String) -> String { matter.utf8.count <= 128 ? matter : UUIDv5.derive([matter]).text }

    public func handle(
        _ input: Input<NotificationCall>, state: inout NotificationState?, context: Context
    ) throws(Rejection) -> [Effect<NotificationOutput, NotificationCall>] {
        switch input {
        case .event(let event) where event.type == NotificationAcknowledged.type:
            return acknowledge(try event.decode(NotificationAcknowledged.self), event, &state)
        case .event(let event): return try tell(event, &state)
        case .finished(let call, let outcome, let event): return try finished(call, outcome, event)
        case .reminder(let reminder, let event): return try reminded(reminder, event, &state)
        }
    }

    // MARK: - Events

    private func tell(_ event: Event, _ state: inout NotificationState?) throws(Rejection) -> [Effect<NotificationOutput, NotificationCall>]
    {
        let notification = try NotificationContent(event, rules: rules, firstChannel: firstChannel, id: try aggregate(of: event))
        var effects: [Effect<NotificationOutput, NotificationCall>] = []
        var targets = notification.channels
        if event.type == AlertResolved.type {
            // Wherever the alert was told, its end is told too; other channels only when a rule says so.
            for name in state?.channels ?? [] where !targets.contains(where: { $0.channel == name }) {
                targets.append(NotificationContent.Target(channel: name, message: notification.message))
            }
            state = nil
        } else if let told = state, told.severity >= notification.message.severity, isWithinWindow(event, told) {
            state?.suppressed += 1
            return []
        }
        for target in targets {
            guard let channel = channels[target.channel] else {
                effects.append(.produce(failed(target.message, target.channel, "no channel '\(target.channel)' is configured")))
                continue
            }
            effects.append(.perform(call(channel, target.message)))
        }
        guard !targets.isEmpty, event.type != AlertResolved.type else { return effects }
        let escalating = targets.compactMap { channels[$0.channel] }.filter { escalates($0, notification.message) }
        if notification.canComeAgain || !escalating.isEmpty {
            let toldAt = event.envelope.timestamp.milliseconds
            let suppressed = state?.suppressed ?? 0
            state = NotificationState(
                toldAt: toldAt, title: notification.message.title, text: notification.message.text, severity: notification.message.severity,
                suppressed: suppressed, channels: targets.map(\.channel))
            effects.append(.remind(Reminder(name: "forget/\(toldAt)", after: forgetAfter(escalating))))
            for channel in escalating {
                effects.append(.remind(Reminder(name: "escalate/\(toldAt)/\(channel.name)", after: channel.escalateAfter ?? .zero)))
            }
        }
        return effects
    }

    private func acknowledge(
        _ acknowledgement: NotificationAcknowledged, _ event: Event, _ state: inout NotificationState?
    ) -> [Effect<NotificationOutput, NotificationCall>] {
        guard let told = state, told.acknowledgedBy == nil else { return [] }
        state?.acknowledgedBy = acknowledgement.acknowledgedBy
        let message = NotificationMessage(
            notificationID: acknowledgement.notificationID, action: .acknowledge, title: told.title,
            text: "acknowledged by \(acknowledgement.acknowledgedBy)", severity: told.severity, eventType: event.type,
            milliseconds: event.envelope.timestamp.milliseconds)
        // Only there does somebody else keep the matter open.
        return told.channels.compactMap { channels[$0] }.filter(\.isPagerDuty).map { .perform(call($0, message)) }
    }

    // MARK: - What comes back

    private func finished(
        _ call: NotificationCall, _ outcome: CallOutcome, _ event: Event
    ) throws(Rejection) -> [Effect<NotificationOutput, NotificationCall>] {
        guard case .failure(let failure) = outcome else {
            let message = call.message
            guard message.action != .acknowledge else { return [] }
            return [
                .produce(
                    .sent(
                        NotificationSent(
                            notificationID: message.notificationID, channel: call.channel, eventType: message.eventType,
                            title: message.title, severity: message.severity)))
            ]
        }
        if failure.kind == .transient || failure.kind == .timedOut, call.attempt < retry.maximumAttempts,
            call.message.action != .acknowledge
        {
            let next = call.attempt + 1
            let doubled = retry.initialDelay * (1 << min(call.attempt - 1, 16))
            return [.remind(Reminder(name: "retry/\(next)/\(call.channel)", after: min(doubled, retry.maximumDelay)))]
        }
        var effects: [Effect<NotificationOutput, NotificationCall>] = [.produce(failed(call.message, call.channel, failure.description))]
        if call.message.action == .trigger, let fallback = channels[call.channel]?.fallback.flatMap({ channels[$0] }) {
            effects.append(.perform(self.call(fallback, call.message)))
        }
        return effects
    }

    private func reminded(
        _ reminder: Reminder, _ event: Event, _ state: inout NotificationState?
    ) throws(Rejection) -> [Effect<NotificationOutput, NotificationCall>] {
        let words = reminder.name.split(separator: "/", maxSplits: 2).map(String.init)
        guard words.count > 1, let number = Int64(words[1]) else { return [] }
        switch words[0] {
        case "forget":
            if state?.toldAt == number { state = nil }
            return []
        case "retry" where words.count == 3:
            guard let channel = channels[words[2]] else { return [] }
            let notification = try NotificationContent(event, rules: rules, firstChannel: firstChannel, id: try aggregate(of: event))
            return [.perform(call(channel, notification.message(for: channel.name), attempt: Int(number)))]
        case "escalate" where words.count == 3:
            guard let told = state, told.toldAt == number, told.acknowledgedBy == nil, let silent = channels[words[2]],
                let next = silent.fallback.flatMap({ channels[$0] })
            else { return [] }
            let notification = try NotificationContent(event, rules: rules, firstChannel: firstChannel, id: try aggregate(of: event))
            var message = notification.message(for: silent.name)
            message.text =
                "Nobody has acknowledged this on \(silent.name). To do so: mesh acknowledge \(message.notificationID)\n\(message.text)"
            if state?.channels.contains(next.name) == false { state?.channels.append(next.name) }
            var effects: [Effect<NotificationOutput, NotificationCall>] = [.perform(call(next, message))]
            if escalates(next, message), let after = next.escalateAfter {
                effects.append(.remind(Reminder(name: "escalate/\(number)/\(next.name)", after: after)))
            }
            return effects
        default: return []
        }
    }

    // MARK: - Pieces

    private func call(_ channel: NotificationChannel, _ message: NotificationMessage, attempt: Int = 1) -> NotificationCall {
        switch channel.settings {
        case .console: .console(Notify(channel: channel.name, message: message, attempt: attempt))
        case .file: .file(Notify(channel: channel.name, message: message, attempt: attempt))
        case .slack: .slack(Notify(channel: channel.name, message: message, attempt: attempt))
        case .email: .email(Notify(channel: channel.name, message: message, attempt: attempt))
        case .pagerDuty: .pagerDuty(Notify(channel: channel.name, message: message, attempt: attempt))
        }
    }

    private func failed(_ message: NotificationMessage, _ channel: String, _ reason: String) -> NotificationOutput {
        .failed(
            NotificationFailed(
                notificationID: message.notificationID, channel: channel, title: message.title, reason: bounded(reason, 4000)))
    }

    private func escalates(_ channel: NotificationChannel, _ message: NotificationMessage) -> Bool {
        channel.escalateAfter != nil && message.severity >= channel.escalateFrom
    }

    private func isWithinWindow(_ event: Event, _ told: NotificationState) -> Bool {
        event.envelope.timestamp.duration(since: Timestamp(milliseconds: told.toldAt)) < Self.window
    }

    /// As long as the window, and as any escalation that may still come.
    private func forgetAfter(_ escalating: [NotificationChannel]) -> Duration {
        var longest: Duration = .zero
        for channel in escalating {
            var total: Duration = .zero
            var next: NotificationChannel? = channel
            while let current = next, let after = current.escalateAfter {
                total += after
                next = current.fallback.flatMap { channels[$0] }
            }
            longest = max(longest, total)
        }
        return max(Self.window, longest + .seconds(60))
    }
}

extension NotificationChannel {
    var isPagerDuty: Bool { if case .pagerDuty = settings { true } else { false } }
}
