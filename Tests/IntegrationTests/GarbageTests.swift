import Envelopes
import FoundationEssentials
import Kafka
import LocalBroker
import MeshTesting
import Testing
import Topology

/// What nobody can read ends in `mesh.dlq` with its reason and origin, and the records behind it go on.
@Suite(.serialized) struct GarbageTests {
    /// A custom bot that asks for a notification for every event that it can read.
    private static let echo = """
        bot: { name: EchoBot, version: "1.0.0", enabled: true, description: Tells of every event that it can read, category: operations }
        triggers:
          - { type: event, pattern: code.committed }
          - { type: event, pattern: deploy.requested }
          - { type: event, pattern: alert.triggered }
          - { type: event, pattern: cost.report }
        actions:
          - name: tell
            type: message
            command: send_notification
            parameters: { title: seen, text: seen, severity: info, channels: [console] }
        """

    private struct Garbage {
        let code: String
        let value: [UInt8]?
        var headers: Headers = []

        init(_ code: String, _ text: String) { self.init(code, bytes: Array(text.utf8)) }
        init(_ code: String, bytes: [UInt8]?, headers: Headers = []) {
            self.code = code
            value = bytes
            self.headers = headers
        }
    }

    private static let garbage: [Garbage] = [
        Garbage("not-json", "hello"),
        Garbage("not-json", ""),
        Garbage("not-json", #"{"payload":{}"#),
        Garbage("wrong-type", "[]"),
        Garbage("wrong-type", #"{"payload":"text"}"#),
        Garbage("wrong-type", #"{"payload":{},"timestamp":7}"#),
        Garbage("missing-field", "{}"),
        Garbage("missing-field", #"{"id":"a","type":"x"}"#),
        Garbage("invalid-value", #"{"payload":{},"priority":"urgent"}"#),
        Garbage("type-mismatch", #"{"payload":{},"type":"some.other"}"#),
        Garbage("duplicate-key", #"{"payload":{"a":{"b":1,"b":2}}}"#),
        Garbage("too-deep", #"{"payload":{"a":\#(String(repeating: "[", count: 100))1\#(String(repeating: "]", count: 100))}}"#),
        Garbage("too-large", #"{"payload":{"a":"\#(String(repeating: "x", count: 300_000))"}}"#),
        Garbage("invalid-utf8", bytes: Array(#"{"payload":{"a":""#.utf8) + [0xc3, 0x28] + Array(#""}}"#.utf8)),
        Garbage("null-value", bytes: nil),
        Garbage("unsupported-specversion", bytes: Array("{}".utf8), headers: [Header("ce_specversion", text: "0.3")]),
    ]

    @Test func itIsDeadLetteredAndWhatIsBehindGoesOn() async throws {
        let catalogue = try CatalogueLoader.load(directory: Programs.root + "/topics")
        let mesh = try await MeshUnderTest.start(configuration: ["EchoBot.yaml": Self.echo])
        let topics: [EventType] = ["code.committed", "deploy.requested", "alert.triggered", "cost.report"]
        var expected: [String: Garbage] = [:]
        var records: [OutgoingRecord] = []
        for topic in topics {
            // All in one partition: each good record is behind all the garbage before it.
            for (index, garbage) in Self.garbage.enumerated() {
                let key = "\(topic)/\(index)"
                expected[key] = garbage
                records.append(
                    OutgoingRecord(topic: topic.name, partition: 0, key: Array(key.utf8), value: garbage.value, headers: garbage.headers))
            }
            if catalogue[topic]?.schema != nil {
                let key = "\(topic)/schema"
                expected[key] = Garbage("invalid-payload", #"{"payload":{"repository":7}}"#)
                records.append(OutgoingRecord(topic: topic.name, partition: 0, key: Array(key.utf8), value: expected[key]?.value))
            }
            let payload = catalogue[topic]?.examples.first?.payload ?? .object([:])
            let good = JSONValue.object(["id": .string("good-\(topic)"), "payload": payload])
            records.append(OutgoingRecord(topic: topic.name, partition: 0, key: Array("good".utf8), value: good.bytes))
        }
        try await mesh.produce(records)

        for topic in topics { _ = try await mesh.event("notification.requested") { $0.envelope.causationID == "good-\(topic)" } }
        // Topics are read side by side: what came after the garbage may be seen before its dead letters.
        try await eventually("all dead letters to be there") { try mesh.log.records(of: "mesh.dlq").count >= expected.count }
        let letters = try mesh.log.records(of: "mesh.dlq")
        #expect(letters.count == expected.count)
        for letter in letters {
            func header(_ name: String) -> String? {
                letter.headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
            }
            let key = String(decoding: letter.key ?? [], as: UTF8.self)
            let found = expected.removeValue(forKey: key)
            let garbage = try #require(found, "\(key) is there twice, or is no garbage")
            #expect(header("mesh_error_code") == garbage.code, "\(key): \(header("kafka_dlt-exception-message") ?? "")")
            #expect(letter.value == garbage.value)
            #expect(header("kafka_dlt-original-topic").map { key.hasPrefix($0 + "/") } == true)
            #expect(header("kafka_dlt-original-partition") == "0")
            #expect(header("kafka_dlt-original-offset").flatMap { Int64($0) } != nil)
            #expect(header("kafka_dlt-original-consumer-group") == "EchoBot")
            #expect(header("mesh_bot") == "EchoBot")
            #expect(header("kafka_dlt-exception-message")?.contains("\(key.prefix { $0 != "/" })[0]@") == true)
        }
        #expect(expected.isEmpty, "no dead letters of \(expected.keys.sorted())")
        #expect(try await mesh.stop() == .exited(0))
    }
}
