import Envelopes
import Testing

/// What we write, the CNCF's SDK reads; what it writes, we read.
@Suite struct CloudEventsTests {
    @Test func theReferenceImplementationUnderstandsUs() async throws {
        let envelopes = try sources.enumerated().map { index, source in
            Envelope(
                id: try #require(EventID("id-\(index)")), timestamp: Timestamp(milliseconds: 1_795_261_476_250), source: source,
                type: "build.completed", payload: Array(#"{"build_id":"b","text":"ü\n"}"#.utf8), correlationID: "run-1",
                trace: TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        }
        let events: [JSONValue] = sources.enumerated().map { index, source in
            .object([
                "attributes": .object([
                    "id": .string("theirs-\(index)"), "source": .string(source), "type": .string("build.completed"),
                    "specversion": .string("1.0"),
                    "time": .string("2026-11-21T11:44:36.250000+00:00"), "datacontenttype": .string("application/json"),
                    "subject": .string("s"),
                    "correlationid": .string("run-2"), "priority": .string("high"),
                ]),
                "data": .object(["build_id": .string("b"), "payload": .object([:]), "number": .double(1.5)]),
            ])
        }
        let ours = envelopes.map { EnvelopeCodec().encode($0) }
        let answer = try await Python.run(
            "cloudevents_kafka.py", .object(["read": .array(ours.map(record)), "write": .array(events)]))

        for (envelope, read) in zip(envelopes, answer["read"]?.array ?? []) {
            #expect(read["attributes"]?["id"] == .string(envelope.id.text))
            #expect(read["attributes"]?["type"] == .string(envelope.type.name))
            #expect(read["attributes"]?["specversion"] == .string("1.0"))
            #expect(read["attributes"]?["datacontenttype"] == .string("application/json"))
            #expect(read["data"]?["payload"] == (try JSONValue.parse(envelope.payload)))
        }
        #expect(answer["read"]?.array?.count == envelopes.count)

        let written = answer["written"]?.array ?? []
        #expect(written.count == events.count)
        for (index, event) in written.enumerated() {
            for mode in ["binary", "structured"] {
                let envelope = try decode(try #require(event[mode]))
                #expect(envelope.id.text == "theirs-\(index)")
                #expect(envelope.source == (sources[index].hasPrefix("/bots/") ? "BuildBot" : sources[index]), "\(mode)")
                #expect(envelope.type == "build.completed")
                #expect(envelope.timestamp.milliseconds == 1_795_261_476_250)
                #expect(envelope.correlationID == "run-2")
                #expect(envelope.priority == .high)
                #expect(try JSONValue.parse(envelope.payload) == events[index]["data"])
            }
        }
    }

    private let sources = ["/bots/BuildBot", "https://example.com/ci?a=b#c", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"]

    private func record(_ encoded: EncodedEnvelope) -> JSONValue {
        let headers = encoded.headers.map { ($0.name, JSONValue.string(String(decoding: $0.value ?? [], as: UTF8.self))) }
        return .object([
            "headers": .object(Dictionary(uniqueKeysWithValues: headers)), "value": .string(String(decoding: encoded.value, as: UTF8.self)),
        ])
    }

    private func decode(_ record: JSONValue) throws -> Envelope {
        let headers = (record["headers"]?.object ?? [:]).map { EnvelopeHeader($0.key, $0.value.string ?? "") }
        return try EnvelopeCodec().decode(
            value: Array((record["value"]?.string ?? "").utf8), headers: headers, topic: "build.completed", partition: 0, offset: 0,
            timestamp: nil)
    }
}
