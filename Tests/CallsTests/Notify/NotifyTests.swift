import BotKit
import Calls
import Envelopes
import MeshTesting
import Testing

/// Channels named `test`, sent with as NotificationBot's process does.
private struct Notifier {
    let scratch: ScratchDirectory
    let performers: CallPerformers
    /// Counts what it is asked to sleep, and goes on at once.
    let clock = QuickClock()

    init(_ type: String, _ parameters: [String: JSONValue], environment: [String: String] = [:]) throws {
        scratch = try ScratchDirectory("botmesh-notify")
        var parameters = parameters
        if type == "notify.slack" || type == "notify.pagerduty" {
            parameters["allowed_private_hosts"] = .array([.string("127.0.0.1")])
        }
        let action = BotConfiguration.Action(name: "test", type: type, parameters: .object(parameters))
        let book = try ChannelBook(
            configuration: BotConfiguration(name: "NotificationBot", actions: [action]), environment: environment)
        var performers = CallPerformers()
        performers.registerNotify(dataDirectory: scratch.path, book: book, clock: clock)
        self.performers = performers
    }

    /// nil when the channel took it.
    func send(_ request: any CallRequest, isRepeat: Bool = false) async -> CallFailure? {
        let context = CallContext(idempotencyKey: "key-1", runID: "r", correlationID: "c", isRepeat: isRepeat)
        if case .failure(let failure) = await performers.perform(request, context) { return failure }
        return nil
    }
}

private func message(
    _ action: NotificationMessage.Action = .trigger, title: String = "Build failed: shop", text: String = "exit status 2\nMend it.",
    severity: Severity = .critical
) -> NotificationMessage {
    NotificationMessage(
        notificationID: "build.failed/e1", action: action, title: title, text: text, severity: severity, eventType: "build.failed",
        repository: "https://git.example.org/shop.git", environment: "staging", milliseconds: 1_767_225_600_123)
}

@Suite struct NotifyTests {
    @Test func slackGetsTextAndBlocks() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "ok") }
        let slack = try Notifier(
            "notify.slack", ["url": .string("${env.SLACK}")], environment: ["SLACK": "\(server.url)/services/T/B/secret"])
        let sent = Notify<SlackMedium>(channel: "test", message: message(text: "a < b & <!channel>"))
        #expect(await slack.send(sent) == nil)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.target == "/services/T/B/secret")
        #expect(request.headers["content-type"] == "application/json; charset=utf-8")
        let body = try JSONValue.parse(request.body)
        #expect(body["text"]?.string == "Build failed: shop\na &lt; b &amp; &lt;!channel&gt;")
        let section = try #require(body["blocks"]?.array?.first)
        #expect(section["type"]?.string == "section" && section["text"]?["type"]?.string == "mrkdwn")
        #expect(section["text"]?["text"]?.string == ":red_circle: *Build failed: shop*\na &lt; b &amp; &lt;!channel&gt;")
        let context = body["blocks"]?.array?.last
        #expect(context?["type"]?.string == "context")
        #expect(context?["elements"]?.array?.first?["text"]?.string == "environment staging")
    }

    @Test func slackTextsAreCutAtTheirLimit() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "ok") }
        let slack = try Notifier("notify.slack", ["url": .string(server.url)])
        let sent = Notify<SlackMedium>(channel: "test", message: message(text: String(repeating: "<👩‍👩‍👧>", count: 2000)))
        #expect(await slack.send(sent) == nil)
        let body = try JSONValue.parse(try #require(server.requests.first).body)
        let text = try #require(body["blocks"]?.array?.first?["text"]?["text"]?.string)
        #expect(text.utf16.count <= 3000 && text.utf16.count > 2900)
        #expect(text.hasSuffix("…") && !text.dropLast().hasSuffix("&"))
    }

    @Test(arguments: [
        (404, "no_service", CallFailure.Kind.permanent, 1), (400, "invalid_payload", .permanent, 1), (200, "not ok", .permanent, 1),
        (302, "", .permanent, 1), (500, "", .transient, 3), (429, "", .transient, 3),
    ])
    func slackErrorsAreToldApart(status: Int, body: String, kind: CallFailure.Kind, tries: Int) async throws {
        let server = TestHTTPServer { _ in .init(status, headers: [("Location", "http://127.0.0.1:1/")], body: body) }
        let slack = try Notifier("notify.slack", ["url": .string("\(server.url)/secret")])
        let failure = await slack.send(Notify<SlackMedium>(channel: "test", message: message()))
        #expect(failure?.kind == kind)
        #expect(failure?.message.contains("secret") == false)
        #expect(server.requests.count == tries)
    }

    @Test func retryAfterIsHonoured() async throws {
        let counter = Counter()
        let server = TestHTTPServer { _ in
            counter.next() == 1 ? .init(429, headers: [("Retry-After", "7")]) : .init(200, body: "ok")
        }
        let slack = try Notifier("notify.slack", ["url": .string(server.url)])
        #expect(await slack.send(Notify<SlackMedium>(channel: "test", message: message())) == nil)
        #expect(slack.clock.slept.contains { $0 >= .seconds(6.9) && $0 <= .seconds(7) })
        // What would take too long is left to the bot.
        let patient = TestHTTPServer { _ in .init(503, headers: [("Retry-After", "120")]) }
        let other = try Notifier("notify.slack", ["url": .string(patient.url)])
        #expect(await other.send(Notify<SlackMedium>(channel: "test", message: message()))?.kind == .transient)
        #expect(patient.requests.count == 1)
        // So is the next, without asking: it is the other side that wants nothing.
        #expect(await other.send(Notify<SlackMedium>(channel: "test", message: message()))?.code == "rate-limited")
        #expect(patient.requests.count == 1)
    }

    /// Then it is the bot's own queue that is too long, and says nothing of the other side.
    @Test func moreThanAChannelsRateAllowsIsItsOwnFault() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "ok") }
        let slack = try Notifier("notify.slack", ["url": .string(server.url)])
        var failures: [CallFailure] = []
        for _ in 0..<63 {
            if let failure = await slack.send(Notify<SlackMedium>(channel: "test", message: message())) { failures.append(failure) }
        }
        #expect(server.requests.count == 61)
        #expect(failures.map(\.code) == ["channel-busy", "channel-busy"] && failures.allSatisfy { $0.isOwn && $0.kind == .transient })
    }

    @Test func slackIsAskedAboutOnceASecond() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "ok") }
        let slack = try Notifier("notify.slack", ["url": .string(server.url)])
        for _ in 0..<3 { #expect(await slack.send(Notify<SlackMedium>(channel: "test", message: message())) == nil) }
        #expect(slack.clock.slept.count == 2)
        // The clock stands still meanwhile, so the third waits for the second's turn too.
        #expect(slack.clock.slept[0] > .milliseconds(500) && slack.clock.slept[0] <= .seconds(1))
        #expect(slack.clock.slept[1] > .milliseconds(1500) && slack.clock.slept[1] <= .seconds(2))
    }

    @Test func privateAddressesAreRefusedUnlessNamed() async throws {
        let server = TestHTTPServer { _ in .init(200, body: "ok") }
        let slack = try Notifier("notify.slack", ["url": .string("http://localhost:\(server.port)/")])
        #expect(await slack.send(Notify<SlackMedium>(channel: "test", message: message()))?.code == "address-refused")
        #expect(server.requests.isEmpty)
    }

    @Test func pagerDutyGetsEventsOfVersion2() async throws {
        let server = TestHTTPServer { _ in .init(202, body: #"{"status":"success"}"#) }
        let pager = try Notifier(
            "notify.pagerduty", ["routing_key": .string("${env.KEY}"), "url": .string("\(server.url)/v2/enqueue")],
            environment: ["KEY": "0123456789abcdef"])
        for action in [NotificationMessage.Action.trigger, .acknowledge, .resolve] {
            #expect(await pager.send(Notify<PagerDutyMedium>(channel: "test", message: message(action))) == nil)
        }
        let bodies = try server.requests.map { try JSONValue.parse($0.body) }
        #expect(server.requests.allSatisfy { $0.target == "/v2/enqueue" && $0.method == "POST" })
        #expect(bodies.map { $0["event_action"]?.string } == ["trigger", "acknowledge", "resolve"])
        #expect(bodies.allSatisfy { $0["routing_key"]?.string == "0123456789abcdef" && $0["dedup_key"]?.string == "build.failed/e1" })
        let payload = try #require(bodies[0]["payload"])
        #expect(payload["summary"]?.string == "Build failed: shop")
        #expect(payload["source"]?.string == "https://git.example.org/shop.git")
        #expect(payload["severity"]?.string == "critical")
        #expect(payload["timestamp"]?.string == "2026-01-01T00:00:00.123Z")
        #expect(payload["group"]?.string == "staging" && payload["class"]?.string == "build.failed")
        #expect(payload["custom_details"]?["text"]?.string == "exit status 2\nMend it.")
        #expect(bodies[1]["payload"] == nil)
    }

    @Test(arguments: [(400, CallFailure.Kind.permanent), (200, .permanent), (429, .transient), (502, .transient)])
    func pagerDutyErrorsAreToldApart(status: Int, kind: CallFailure.Kind) async throws {
        let server = TestHTTPServer { _ in .init(status) }
        let pager = try Notifier("notify.pagerduty", ["routing_key": .string("k"), "url": .string(server.url)])
        #expect(await pager.send(Notify<PagerDutyMedium>(channel: "test", message: message()))?.kind == kind)
    }

    @Test func mailIsPlainAndWellFormed() async throws {
        let server = TestSMTPServer()
        let mail = try Notifier(
            "notify.email",
            [
                "host": .string("127.0.0.1"), "port": .integer(Int64(server.port)), "security": .string("none"), "user": .string("mesh"),
                "password": .string("${env.PASSWORD}"), "from": .string("mesh@example.org"),
                "to": .array([.string("a@example.org"), .string("b@example.org")]),
            ], environment: ["PASSWORD": "pw"])
        let sent = message(title: "Größe: " + String(repeating: "ü", count: 60), text: ".\nline")
        #expect(await mail.send(Notify<EmailMedium>(channel: "test", message: sent)) == nil)
        let received = try #require(server.messages.first)
        #expect(received.recipients == ["a@example.org", "b@example.org"] && received.sender == "mesh@example.org")
        #expect(received.authentication == "AG1lc2gAcHc=")
        let lines = received.data.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.allSatisfy { $0.utf8.count <= 78 && $0.utf8.allSatisfy { $0 < 0x80 } })
        #expect(lines.contains("Date: Thu, 01 Jan 2026 00:00:00 +0000"))
        #expect(lines.contains("Message-ID: <key-1@botmesh>"))
        #expect(lines.contains { $0.hasPrefix("Subject: =?UTF-8?B?W2NyaXRpY2FsXSBHcsO2w59lOi") })
        let body = lines.drop { !$0.isEmpty }.joined()
        #expect(decodedBase64(body)?.contains("\r\n\r\n.\nline\r\n\r\nenvironment: staging") == true)
    }

    @Test func aMailAddressCannotSmuggleACommand() async throws {
        let server = TestSMTPServer()
        let mail = try Notifier(
            "notify.email",
            [
                "host": .string("127.0.0.1"), "port": .integer(Int64(server.port)), "security": .string("none"), "from": .string("a@b.c"),
                "to": .array([.string("${env.TO}")]),
            ], environment: ["TO": "x@y.z>\r\nRCPT TO:<evil@y.z"])
        #expect(await mail.send(Notify<EmailMedium>(channel: "test", message: message()))?.code == "bad-address")
        #expect(server.messages.isEmpty)
    }

    @Test func theConsoleHasOneLineEach() async throws {
        let console = try Notifier("notify.console", [:])
        let request = Notify<ConsoleMedium>(channel: "test", message: message(title: "a\u{1b}[31mb"))
        #expect(await console.send(request) == nil)
        #expect(await console.send(Notify<ConsoleMedium>(channel: "test", message: message(.resolve, text: "")), isRepeat: false) == nil)
        // The same call again, after a crash: it is there already.
        #expect(await console.send(request, isRepeat: true) == nil)
        #expect(
            try console.scratch.read("notifications.log") == """
                2026-01-01T00:00:00Z CRITICAL a [31mb — exit status 2 | Mend it.
                2026-01-01T00:00:00Z RESOLVED Build failed: shop

                """)
    }

    @Test func aFileHasOneJSONObjectALine() async throws {
        let directory = try ScratchDirectory("botmesh-notify")
        let file = try Notifier("notify.file", ["path": .string("\(directory.path)/deep/log.jsonl")])
        #expect(await file.send(Notify<FileMedium>(channel: "test", message: message())) == nil)
        #expect(await file.send(Notify<FileMedium>(channel: "test", message: message()), isRepeat: true) == nil)
        let lines = try directory.read("deep/log.jsonl").split(separator: "\n")
        #expect(lines.count == 1)
        let entry = try JSONValue.parse(String(lines[0]))
        #expect(entry["title"]?.string == "Build failed: shop" && entry["severity"]?.string == "critical" && entry["id"]?.string == "key-1")
    }

    @Test func saysWhichVariableIsMissing() async throws {
        let slack = try Notifier("notify.slack", ["url": .string("${env.NO_SUCH}")])
        let failure = await slack.send(Notify<SlackMedium>(channel: "test", message: message()))
        #expect(failure?.code == "missing-variable" && failure?.message.contains("${env.NO_SUCH}") == true)
        #expect(await slack.send(Notify<SlackMedium>(channel: "other", message: message()))?.code == "unknown-channel")
        #expect(await slack.send(Notify<PagerDutyMedium>(channel: "test", message: message()))?.code == "wrong-channel")
    }
}
