import Envelopes
import Terminal
import Testing

@testable import mesh

@Suite struct EventLineTests {
    private func line(_ type: EventType, _ payload: String) throws -> String {
        let envelope = Envelope(
            id: try #require(EventID("1")), timestamp: Timestamp(milliseconds: 1_767_225_600_123), source: "x", type: type,
            payload: Array(payload.utf8))
        return EventLine(style: Style(isColoured: false)).text(envelope, try JSONValue.parse(Array(payload.utf8)))
    }

    private static let types: [EventType] = [
        "code.committed", "build.started", "build.completed", "build.failed", "test.completed", "security.scan_completed", "bot.error",
        "deploy.requested", "deploy.completed", "schedule.fired", "alert.triggered", "monitor.health_check_passed", "notification.sent",
        "a.b",
    ]

    @Test(arguments: [
        (
            "code.committed",
            #"{"repository":"file:///a/shop.git","commit":"0123456789abcdef","branch":"main","message":"First\nmore","author":"Ada"}"#,
            "00:00:00.123  code.committed             shop@01234567 (main)  \"First\" by Ada"
        ),
        (
            "build.completed",
            #"{"repository":"https://x/shop","commit":"0123456789","steps":[{},{}],"artifact":{"size_bytes":12345},"duration_seconds":1.26}"#,
            "00:00:00.123  build.completed            shop@01234567  2 steps, 12 kB, 1.3 s"
        ),
        (
            "test.failed",
            #"{"repository":"r","commit":"c","passed":5,"failed":1,"coverage_percent":79.6,"reason":"1 test failed","duration_seconds":2}"#,
            "00:00:00.123  test.failed                r@c  5 passed, 1 failed, coverage 80%, 1 test failed, 2.0 s"
        ),
        (
            "security.scan_completed",
            #"{"repository":"r","commit":"c","verdict":"pass","findings":{"critical":0,"high":0,"medium":2,"low":1}}"#,
            "00:00:00.123  security.scan_completed    r@c  pass, 2 medium 1 low"
        ),
        (
            "deploy.completed",
            #"{"environment":"staging","repository":"r","commit":"c","health_urls":["http://h/health"],"duration_seconds":3}"#,
            "00:00:00.123  deploy.completed           r@c → staging  http://h/health, 3.0 s"
        ),
        (
            "notification.sent", #"{"channel":"console","title":"Deployed"}"#,
            "00:00:00.123  notification.sent          [console], Deployed"
        ),
        (
            "monitor.health_check_passed", #"{"url":"http://h","all_clear":true}"#,
            "00:00:00.123  monitor.health_check_passed  http://h, all clear"
        ),
    ]) func saysWhatPeopleAskFor(type: String, payload: String, expected: String) throws {
        #expect(try line(EventType(type), payload) == expected)
    }

    /// `mesh tail` takes only the members that a line is made of: it must say the same as with the whole payload.
    @Test func picksAllThatALineIsMadeOf() throws {
        let names = [EventField.buildID, .healthURLs, .allClear, .url].map(\.name)
        #expect(names == ["build_id", "health_urls", "all_clear", "url"])
        let members = [
            #""x""#, "3", "2.5", "true", "null", #"["http://h","y"]"#, #"{"size_bytes":20000,"low":2,"critical":1}"#,
        ].map { value in EventField.allCases.map { "\"\($0.name)\":\(value)" }.joined(separator: ",") }
        for text in members {
            let bytes = Array("{\"other\":1,\(text),\"last\":[]}".utf8)
            let (picked, payload) = (PickedFields(bytes), try JSONValue.parse(bytes))
            #expect(EventLine.subject(picked) == EventLine.subject(payload))
            for type in Self.types { #expect(EventLine.detail(type, picked) == EventLine.detail(type, payload)) }
        }
        #expect(EventLine.detail("test.failed", PickedFields(Array(#"{"failed":1,"build_id":"b","fail":2}"#.utf8))) == "1 failed")
        #expect(EventLine.subject(PickedFields(Array("[1]".utf8))).isEmpty && EventLine.subject(PickedFields([])).isEmpty)
    }

    @Test func survivesAnyPayload() throws {
        let payloads = [
            "{}", #"{"coverage_percent":1e300}"#,
            #"{"commit":1,"steps":"x","artifact":[],"findings":3,"health_urls":{}}"#, #"{"message":""}"#, #"{"repository":"/"}"#,
        ]
        for type in ["code.committed", "build.completed", "test.failed", "security.scan_completed", "deploy.completed", "x", "a.b.c"] {
            for payload in payloads { #expect(!(try line(EventType(type), payload)).isEmpty) }
        }
    }
}
