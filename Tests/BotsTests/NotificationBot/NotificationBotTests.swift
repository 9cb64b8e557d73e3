import BotKit
import Bots
import Envelopes
import Testing

/// Drives a NotificationBot; sends are answered by `answer`, reminders wait for the test.
private struct Harness {
    let bot: NotificationBot
    var states: [String: NotificationState] = [:]
    var produced: [NotificationOutput] = []
    var performed: [NotificationCall] = []
    var reminders: [(Reminder, Event)] = []
    var answer: (NotificationCall) -> CallOutcome = { Harness.sent($0) }
    var now = Timestamp(milliseconds: 1_000_000)
    private var events = 0

    init(
        _ actions: [BotConfiguration.Action] = [], rules: [BotConfiguration.NotificationRule] = [],
        constraints: BotConfiguration.Constraints = BotConfiguration.Constraints()
    ) throws {
        bot = try NotificationBot(
            configuration: BotConfiguration(name: "NotificationBot", actions: actions, constraints: constraints, notifications: rules))
    }

    static func sent(_ call: NotificationCall) -> CallOutcome {
        switch call {
        case .console: .success(Notify<ConsoleMedium>.Response())
        case .file: .success(Notify<FileMedium>.Response())
        case .slack: .success(Notify<SlackMedium>.Response())
        case .email: .success(Notify<EmailMedium>.Response())
        case .pagerDuty: .success(Notify<PagerDutyMedium>.Response())
        }
    }

    mutating func send(_ payload: some EventPayload, after: Duration = .seconds(1)) throws {
        try send(type(of: payload).type, try payload.jsonBytes(), after: after)
    }

    mutating func send(_ type: EventType, _ payload: [UInt8], after: Duration = .seconds(1)) throws {
        events += 1
        now = now.advanced(by: after)
        let envelope = Envelope(id: try #require(EventID("event-\(events)")), timestamp: now, source: "t", type: type, payload: payload)
        let event = Event(envelope: envelope)
        try run(.event(event), event)
    }

    mutating func remind(_ prefix: String) throws {
        let index = try #require(reminders.firstIndex { $0.0.name.hasPrefix(prefix) })
        let (reminder, event) = reminders.remove(at: index)
        now = now.advanced(by: reminder.after)
        try run(.reminder(reminder, event: event), event)
    }

    private mutating func run(_ input: Input<NotificationCall>, _ event: Event) throws {
        let aggregate = try bot.aggregate(of: event)
        var inputs = [input]
        while !inputs.isEmpty {
            for effect in try bot.handle(inputs.removeFirst(), state: &states[aggregate], context: Context(now: now, runID: "r")) {
                switch effect {
                case .produce(let output): produced.append(output)
                case .remind(let reminder): reminders.append((reminder, event))
                case .perform(let call):
                    performed.append(call)
                    inputs.append(.finished(call, answer(call), event: event))
                }
            }
        }
    }

    var channels: [String] { performed.map { String(describing: type(of: $0.request).kind).replacing("notify.", with: "") } }
    var messages: [NotificationMessage] { performed.map(\.message) }

    mutating func clear() {
        produced = []
        performed = []
    }
}

extension NotificationCall {
    fileprivate var message: NotificationMessage {
        switch self {
        case .console(let request): request.message
        case .file(let request): request.message
        case .slack(let request): request.message
        case .email(let request): request.message
        case .pagerDuty(let request): request.message
        }
    }
}

private func slack(_ name: String = "slack", next: String? = nil, _ more: [String: JSONValue] = [:]) -> BotConfiguration.Action {
    BotConfiguration.Action(
        name: name, type: "notify.slack", parameters: .object(["url": .string("${env.SLACK_URL}")].merging(more) { $1 }), onFailure: next)
}
private let pager = BotConfiguration.Action(
    name: "pager", type: "notify.pagerduty", parameters: .object(["routing_key": .string("${env.KEY}")]))
private let console = BotConfiguration.Action(name: "console", type: "notify.console")

private let buildFailed = BuildFailed(
    buildID: "b1", repository: "https://git.example.org/shop.git", commit: "0123456789abcdef", branch: "main", author: "Ann",
    message: "More\n\nmore", failedStep: "test", exitStatus: 2, reason: "exit status 2", outputTail: ["one", "two"], durationSeconds: 3)

private func alert(_ severity: Severity = .critical) -> AlertTriggered {
    AlertTriggered(
        alertID: "a1", alertName: "latency", severity: severity, metric: "p99", value: 3.5, threshold: 2, environment: "production",
        description: "slow", deployID: nil)
}
private let resolved = AlertResolved(
    alertID: "a1", alertName: "latency", severity: .critical, metric: "p99", value: 1, threshold: 2, environment: "production",
    description: "slow", deployID: nil, durationSeconds: 65)

@Suite struct NotificationBotTests {
    @Test func tellsOfKnownEventsOnTheConsoleWithoutAnyConfiguration() throws {
        var bot = try Harness()
        try bot.send(buildFailed)
        #expect(bot.channels == ["console"])
        let message = try #require(bot.messages.first)
        #expect(message.title == "Build failed: shop@01234567 (main) in step test")
        #expect(message.text == "exit status 2\nAnn: More\none\ntwo\nMend it and push again.")
        #expect(message.severity == .critical)
        #expect(message.eventType == "build.failed")
        guard case .sent(let sent) = try #require(bot.produced.first) else { throw Unexpected() }
        #expect(sent.channel == "console" && sent.title == message.title && sent.notificationID == message.notificationID)
        #expect(bot.states.isEmpty)
        bot.clear()
        try bot.send("docs.updated", Array("{}".utf8))
        #expect(bot.performed.isEmpty)
    }

    @Test func followsItsRulesAndTemplates() throws {
        var bot = try Harness(
            [console, slack(), pager],
            rules: [
                .init(
                    event: "build.failed", channels: ["slack", "pager"], severity: .warning,
                    template: "{{repository}} broke: ${failed_step} {{nothing}}"),
                .init(event: "build.*", channels: ["console", "slack"], severity: .info),
            ])
        #expect(bot.bot.contract.consumes == ["notification.requested", "notification.acknowledged", "build.failed", "build.*"])
        try bot.send(buildFailed)
        #expect(bot.channels == ["slack", "pagerduty", "console"])
        #expect(bot.messages[0].title == "https://git.example.org/shop.git broke: test ")
        #expect(bot.messages[0].severity == .warning)
        #expect(bot.messages[2].title.hasPrefix("Build failed: "))
        #expect(bot.messages[2].severity == .info)
    }

    @Test func requestsNeverHoldAChannelsSecret() throws {
        var bot = try Harness([slack(), pager], rules: [.init(event: "build.failed", channels: ["slack", "pager"])])
        try bot.send(buildFailed)
        for call in bot.performed { #expect(!"\(call)".contains("env.")) }
    }

    @Test func sendsWhatOtherBotsAskFor() throws {
        var bot = try Harness([console, slack()], rules: [.init(event: "deploy.failed", channels: ["slack"])])
        func request(_ channels: [String], _ type: EventType? = nil, key: String? = nil) -> NotificationRequested {
            NotificationRequested(title: "T\nU", text: "x", severity: .warning, channels: channels, dedupKey: key, eventType: type)
        }
        try bot.send(request([]))
        #expect(bot.channels == ["console"])
        #expect(bot.messages[0].title == "T U")
        try bot.send(request([], "deploy.failed"))
        #expect(bot.channels.last == "slack")
        try bot.send(request(["slack", "slack", "carrier-pigeon"]))
        #expect(bot.channels.count == 3)
        guard case .failed(let failed) = try #require(bot.produced.first(where: { $0.eventType == "notification.failed" })) else {
            throw Unexpected()
        }
        #expect(failed.channel == "carrier-pigeon" && failed.reason.contains("no channel"))
    }

    @Test func theSameMatterIsToldOncePerWindow() throws {
        var bot = try Harness([console], rules: [.init(event: "alert.triggered", channels: ["console"], severity: .warning)])
        try bot.send(alert())
        try bot.send(alert())
        #expect(bot.performed.count == 1)
        #expect(bot.states["alert/latency/production"] != nil)
        try bot.send(alert(), after: .seconds(3700))
        #expect(bot.performed.count == 2)
        // The first one's reminder belongs to a matter that was told anew since.
        try bot.remind("forget")
        #expect(bot.states["alert/latency/production"] != nil)
        try bot.remind("forget")
        #expect(bot.states["alert/latency/production"] == nil)
    }

    @Test func theEndOfAnAlertIsToldWhereTheAlertWas() throws {
        var bot = try Harness([console, pager], rules: [.init(event: "alert.triggered", channels: ["pager"], severity: .critical)])
        #expect(bot.bot.contract.consumes.contains("alert.resolved"))
        try bot.send(alert())
        bot.clear()
        try bot.send(resolved)
        #expect(bot.channels == ["pagerduty"])
        #expect(bot.messages[0].action == .resolve)
        #expect(bot.messages[0].notificationID == "alert/latency/production")
        #expect(bot.messages[0].title.contains("Resolved: latency in production in 1 min 5 s"))
        #expect(bot.states["alert/latency/production"] == nil)
        bot.clear()
        try bot.send(alert())
        #expect(bot.performed.count == 1)
    }

    @Test func goesToTheNextChannelWhenNobodyAnswers() throws {
        var bot = try Harness(
            [slack(next: "pager", ["escalate_after": .integer(300)]), pager],
            rules: [.init(event: "build.failed", channels: ["slack"], severity: .critical)])
        try bot.send(buildFailed)
        #expect(bot.channels == ["slack"])
        let id = bot.messages[0].notificationID
        #expect(bot.reminders.map(\.0.after).sorted() == [.seconds(300), .seconds(3600)])
        try bot.remind("escalate")
        #expect(bot.channels == ["slack", "pagerduty"])
        #expect(bot.messages[1].notificationID == id)
        #expect(bot.messages[1].text.contains("mesh acknowledge \(id)"))
        bot.clear()
        // An acknowledgement now goes to the service that keeps the matter open.
        try bot.send(NotificationAcknowledged(notificationID: id, acknowledgedBy: "eve"))
        #expect(bot.channels == ["pagerduty"])
        #expect(bot.messages[0].action == .acknowledge)
    }

    @Test func anAcknowledgementStopsTheEscalation() throws {
        var bot = try Harness(
            [slack(next: "pager", ["escalate_after": .integer(300), "escalate_from": .string("info")]), pager],
            rules: [.init(event: "build.failed", channels: ["slack"], severity: .info)])
        try bot.send(buildFailed)
        try bot.send(NotificationAcknowledged(notificationID: bot.messages[0].notificationID, acknowledgedBy: "eve"))
        try bot.remind("escalate")
        #expect(bot.channels == ["slack"])
        try bot.send(NotificationAcknowledged(notificationID: "unknown", acknowledgedBy: "eve"))
        #expect(bot.channels == ["slack"])
    }

    @Test func triesAgainThenFallsBack() throws {
        var bot = try Harness(
            [slack(next: "console"), console], rules: [.init(event: "build.failed", channels: ["slack"], severity: .critical)])
        bot.answer = { call in
            if case .slack = call { return .failure(CallFailure(.transient, code: "channel-unavailable", message: "status 503")) }
            return Harness.sent(call)
        }
        try bot.send(buildFailed)
        #expect(bot.reminders.map(\.0.after) == [.seconds(5)])
        try bot.remind("retry")
        #expect(bot.reminders.map(\.0.after) == [.seconds(10)])
        try bot.remind("retry")
        #expect(bot.channels == ["slack", "slack", "slack", "console"])
        #expect(bot.produced.map(\.eventType.name) == ["notification.failed", "notification.sent"])
        #expect(Set(bot.messages.map(\.title)).count == 1)
    }

    @Test func doesNotRepeatWhatIsRefused() throws {
        var bot = try Harness([slack()], rules: [.init(event: "build.failed", channels: ["slack"], severity: .critical)])
        bot.answer = { _ in .failure(CallFailure(.permanent, code: "channel-refused", message: "status 404")) }
        try bot.send(buildFailed)
        #expect(bot.reminders.isEmpty)
        guard case .failed(let failed) = try #require(bot.produced.first) else { throw Unexpected() }
        #expect(failed.reason.contains("404"))
    }

    @Test func neverTellsOfItsOwnNotifications() throws {
        var bot = try Harness(
            [console], rules: [.init(event: "*.failed", channels: ["console"]), .init(event: "#", channels: ["console"])])
        try bot.send(NotificationFailed(notificationID: "n", channel: "slack", title: "t", reason: "r"))
        #expect(bot.performed.isEmpty && bot.produced.isEmpty)
    }

    @Test func whatIsLongIsCutToWhatTheSchemasTake() throws {
        var bot = try Harness([console], rules: [.init(event: "build.failed", channels: ["console"], template: "\n")])
        try bot.send(buildFailed)
        #expect(bot.messages[0].title.hasPrefix("Build failed"))
        let long = String(repeating: "ä👩‍👩‍👧", count: 5000)
        try bot.send(NotificationRequested(title: long, text: long, severity: .info, channels: [], dedupKey: String(long.prefix(100))))
        #expect(bot.messages[1].title.unicodeScalars.count <= 250 && bot.messages[1].text.unicodeScalars.count <= 8000)
        #expect(bot.messages[1].notificationID.utf8.count == 36)
    }

    @Test func everyKnownEventHasWordsOfItsOwn() throws {
        for type in NotificationBot.contract.consumes where !type.name.contains("*") && type.domain != "notification" {
            var bot = try Harness([console], rules: [.init(event: type, channels: ["console"])])
            let payload = Array(
                #"{"repository":"file:///r/shop","commit":"abcdef0123456789","environment":"staging","verdict":"pass"}"#.utf8)
            if type.domain == "alert" { continue }
            try bot.send(type, payload)
            #expect(bot.messages.count == 1, "\(type)")
        }
        var bot = try Harness([console], rules: [.init(event: "#", channels: ["console"])])
        try bot.send(alert())
        #expect(bot.messages[0].title == "latency in production: p99 is 3.5, limit 2")
    }

    @Test(arguments: [
        ("notify.slack", "{}", "url"), ("notify.slack", #"{"url":"x","escalate_after":5}"#, "on_failure"),
        ("notify.fax", "{}", "no channel"),
        ("notify.email", #"{"host":"h","from":"a@b"}"#, "to"),
        ("notify.email", #"{"host":"h","from":"a@b","to":["c@d"],"security":"ssl"}"#, "not one of"),
        ("notify.file", #"{"path":"a"}"#, "absolute"),
        ("notify.pagerduty", #"{"routing_kee":"x","routing_key":"y"}"#, "did you mean 'routing_key'"),
    ])
    func saysWhatIsWrongInTheConfiguration(type: String, parameters: String, message: String) throws {
        let action = BotConfiguration.Action(name: "c", type: type, parameters: try JSONValue.parse(parameters))
        do {
            _ = try Harness([action])
            Issue.record("accepted")
        } catch let error as ConfigurationError {
            #expect(error.description.contains(message))
        }
    }

    @Test func refusesUnknownChannelsAndCircles() {
        func error(_ actions: [BotConfiguration.Action], _ rules: [BotConfiguration.NotificationRule] = []) -> String? {
            do {
                _ = try Harness(actions, rules: rules)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(error([slack()], [.init(event: "build.failed", channels: ["slak"])])?.contains("did you mean 'slack'") == true)
        #expect(error([slack("a", next: "b"), slack("b", next: "a")])?.contains("leads back") == true)
        #expect(error([slack("a", next: "b")])?.contains("no channel 'b'") == true)
        #expect(error([slack(), slack()])?.contains("twice") == true)
        #expect(error([slack()], [.init(event: "build..x", channels: ["slack"])])?.contains("notifications[0].event") == true)
    }
}
