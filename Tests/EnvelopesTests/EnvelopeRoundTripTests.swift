import MeshTesting
import Testing

@testable import Envelopes

@Suite struct EnvelopeRoundTripTests {
    private let codec = EnvelopeCodec()

    private func read(_ encoded: EncodedEnvelope, topic: String) throws(DecodeError) -> Envelope {
        try codec.decode(value: encoded.value, headers: encoded.headers, topic: topic, partition: 0, offset: 0, timestamp: nil)
    }

    @Test func theWrittenFormIsFlat() throws {
        let envelope = Envelope(
            id: try #require(EventID("e1")), timestamp: Timestamp(milliseconds: 0), source: "BuildBot", type: "build.completed",
            payload: Array("{\"a\":1}".utf8),
            correlationID: "c", causationID: "b", timeToLive: .milliseconds(2500),
            trace: TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        let encoded = codec.encode(envelope)
        #expect(
            String(decoding: encoded.value, as: UTF8.self)
                == #"{"id":"e1","timestamp":"1970-01-01T00:00:00.000Z","source":"BuildBot","type":"build.completed","version":1,"priority":"medium","correlation_id":"c","causation_id":"b","ttl":2.5,"payload":{"a":1}}"#
        )
        #expect(
            encoded.headers.map { "\($0.name): \(String(decoding: $0.value ?? [], as: UTF8.self))" } == [
                "ce_specversion: 1.0", "ce_id: e1", "ce_type: build.completed", "ce_source: /bots/BuildBot",
                "content-type: application/json",
                "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ])
        #expect(try read(encoded, topic: "build.completed") == envelope)
    }

    @Test(arguments: [
        ("BuildBot", "/bots/BuildBot"), ("Git Bot", "/bots/Git%20Bot"), ("é", "/bots/%C3%A9"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("/repos/x", "/repos/x"),
    ])
    func sourcesBecomeURIReferences(source: String, uri: String) {
        #expect(SourceURI.withURI(of: source) { String(decoding: $0, as: UTF8.self) } == uri)
        if uri.hasPrefix("/bots/") { #expect(SourceURI.name(of: uri) == source) }
    }

    /// Whatever is read can be written, and is read again as the same.
    @Test func decodeEncodeDecodeIsStable() throws {
        var generator = SeededGenerator(seed: 11)
        let seeds = [
            #"{"id":"0191f2c4-7b1e-7c3a-9b6e-3f6d2a1c5e10","timestamp":"2026-11-21T10:00:00.5Z","source":"GitHook","destination":"BuildBot","type":"code.committed","version":2,"payload":{"commit":"abc","n":1.50},"priority":"high","correlation_id":"run-1","causation_id":"cause-1","ttl":90.25}"#,
            #"{"id":"e1","type":"code.committed","version":"2.1.0","source":{"bot_name":"Git/Bot"},"destination":{"bot_name":"x"},"metadata":{"priority":"low","ttl":1.5,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"},"payload":{"a":[1,{"b":"\u00e9\\n"}]}}"#,
            #"{"payload":{}}"#,
            #"{"specversion":"1.0","id":"A-2","source":"/bots/X","type":"code.committed","data":{"commit":"abc"}}"#,
        ]
        let headerSets: [[EnvelopeHeader]] = [
            [], [EnvelopeHeader("mesh_replay", "r-1"), EnvelopeHeader("ce_id", "id-1")],
            [
                EnvelopeHeader("ce_specversion", "1.0"), EnvelopeHeader("ce_id", "e1"), EnvelopeHeader("ce_type", "code.committed"),
                EnvelopeHeader("ce_source", "/bots/B"),
                EnvelopeHeader("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ],
            [EnvelopeHeader("content-type", "application/cloudevents+json")],
        ]
        var legal = 0
        for round in 0..<8000 {
            let seed = Array(seeds[round % seeds.count].utf8)
            let value = round % 5 == 0 ? seed : generator.mutated(seed)
            let headers = (headerSets.randomElement(using: &generator) ?? []).map { header in
                Int.random(in: 0..<20, using: &generator) == 0 ? EnvelopeHeader(header.name, generator.mutated(header.value ?? [])) : header
            }
            let first: Envelope
            do throws(DecodeError) {
                first = try codec.decode(
                    value: value, headers: headers, topic: "code.committed", partition: 1, offset: Int64(round),
                    timestamp: Timestamp(milliseconds: Int64.random(in: .min ... .max, using: &generator)))
            } catch { continue }
            legal += 1
            let encoded = codec.encode(first)
            #expect(try read(encoded, topic: "code.committed") == first)
            #expect(encoded.byteCount <= codec.mostBytes(of: first))
            #expect(try JSONValue.parse(first.payload).object != nil)
        }
        #expect(legal > 1000)
    }

    /// Texts of which each byte takes six in JSON, and three in a URI.
    @Test func anEnvelopeHasNoMoreBytesThanAreSaid() throws {
        let worst = { (count: Int) in String(repeating: "\u{1}", count: count) }
        for count in [1, 8, 64, 256] {
            let envelope = Envelope(
                id: EventID(trusted: Identifier(worst(min(count, 128)))), timestamp: .now, source: worst(count), destination: worst(count),
                type: EventType(worst(count)), version: .max, payload: Array("{}".utf8), priority: .critical,
                correlationID: worst(count), causationID: worst(count), timeToLive: .seconds(315_359_999.123_456_7),
                trace: TraceContext(traceparent: worst(count), tracestate: worst(count)), replay: worst(count))
            #expect(codec.encode(envelope).byteCount <= codec.mostBytes(of: envelope))
        }
    }

    @Test func noBytesCrashTheDecoder() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let headers = ["ce_id", "ce_specversion", "content-type", "traceparent", "ce_ttl"].map {
                EnvelopeHeader($0, generator.mutated(Array("1.0".utf8)))
            }
            do throws(DecodeError) {
                _ = try codec.decode(value: bytes, headers: headers, topic: "t", partition: 0, offset: 0, timestamp: nil)
            } catch { #expect(!error.reason.isEmpty) }
        }
    }
}

extension EncodedEnvelope {
    fileprivate var byteCount: Int { value.count + headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) } }
}
