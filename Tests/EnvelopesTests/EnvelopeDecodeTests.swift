import Testing

@testable import Envelopes

/// A record of `code.committed` for tests; what is not given has the values below.
func decode(
    _ value: String, headers: [EnvelopeHeader] = [], topic: String = "code.committed", expecting: EnvelopeCodec.ExpectedType = .topic,
    definition: EventDefinition? = nil, limits: EnvelopeLimits = EnvelopeLimits(), now: Timestamp? = nil
) throws(DecodeError) -> Envelope {
    try EnvelopeCodec(limits: limits).decode(
        value: Array(value.utf8), headers: headers, topic: topic, partition: 3, offset: 10_482,
        timestamp: Timestamp(milliseconds: 1_795_261_476_250), expecting: expecting, definition: definition, now: now)
}

private func failure(_ body: () throws(DecodeError) -> Envelope) -> DecodeError.Code? {
    do throws(DecodeError) {
        _ = try body()
        return nil
    } catch { return error.code }
}

@Suite struct EnvelopeDecodeTests {
    private static let uuid = "0191f2c4-7b1e-7c3a-9b6e-3f6d2a1c5e10"

    @Test func readsTheFlatShape() throws {
        let envelope = try decode(
            #"""
            {"id":"\#(Self.uuid)","timestamp":"2026-11-21T10:00:00.5Z","source":"GitHook","destination":"BuildBot","type":"code.committed","version":2,
             "payload": { "commit" : "abc", "n": 1.50 } ,"priority":"high","correlation_id":"run-1","causation_id":"cause-1","ttl":90}
            """#)
        #expect(envelope.id.text == Self.uuid)
        #expect(envelope.timestamp == Timestamp.parse("2026-11-21T10:00:00.500Z"))
        #expect(envelope.source == "GitHook")
        #expect(envelope.destination == "BuildBot")
        #expect(envelope.version == 2)
        #expect(String(decoding: envelope.payload, as: UTF8.self) == #"{ "commit" : "abc", "n": 1.50 }"#)
        #expect(envelope.priority == .high)
        #expect(envelope.correlationID == "run-1")
        #expect(envelope.causationID == "cause-1")
        #expect(envelope.timeToLive == .seconds(90))
    }

    @Test func readsTheNestedShape() throws {
        let envelope = try decode(
            #"""
            {"id":"e1","type":"code.committed","timestamp":"2026-11-21T10:00:00Z","version":"2.1.0",
             "source":{"bot_name":"GitBot","bot_version":"1.0","instance_id":"x"},"destination":{"routing_key":"build"},
             "metadata":{"priority":"low","ttl":1.5,"correlation_id":"run-2","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","retries":0},"payload":{},"other":[{"payload":1}]}
            """#)
        #expect(envelope.source == "GitBot")
        #expect(envelope.destination == "build")
        #expect(envelope.version == 2)
        #expect(envelope.priority == .low)
        #expect(envelope.timeToLive == .milliseconds(1500))
        #expect(envelope.correlationID == "run-2")
        #expect(envelope.trace?.traceparent.hasPrefix("00-4bf92f3577b34da6a3ce929d0e0e4736-") == true)
    }

    @Test func topCountsBeforeMetadata() throws {
        #expect(try decode(#"{"payload":{},"metadata":{"priority":"low"},"priority":"high"}"#).priority == .high)
        #expect(try decode(#"{"payload":{},"metadata":{"priority":"low"},"priority":null}"#).priority == .low)
    }

    @Test func fillsTheShortFormFromTheRecord() throws {
        let first = try decode(#"{"payload":{"commit":"abc"}}"#)
        let second = try decode(#"{"payload":{"commit":"abc"}}"#)
        #expect(first == second)
        #expect(UniqueID(first.id.text) != nil)
        #expect(first.timestamp.milliseconds == 1_795_261_476_250)
        #expect(first.source == "unknown")
        #expect(first.type == "code.committed")
        #expect(first.correlationID == first.id.text)
        let other = try EnvelopeCodec().decode(
            value: Array(#"{"payload":{"commit":"abc"}}"#.utf8), headers: [], topic: "code.committed", partition: 3, offset: 10_482,
            timestamp: Timestamp(milliseconds: 1))
        #expect(other.id != first.id)
    }

    @Test func headersFillTheShortFormBeforeTheRecord() throws {
        let headers = [
            EnvelopeHeader("ce_id", "kept"), EnvelopeHeader("ce_time", "2020-01-01T00:00:00Z"), EnvelopeHeader("ce_type", "code.committed"),
        ]
        let envelope = try decode(#"{"payload":{}}"#, headers: headers, topic: "retry.buildbot", expecting: .any)
        #expect(envelope.id.text == "kept")
        #expect(envelope.type == "code.committed")
        #expect(envelope.timestamp == Timestamp.parse("2020-01-01T00:00:00Z"))
    }

    @Test func readsCloudEventsInBinaryMode() throws {
        let headers = [
            EnvelopeHeader("ce_specversion", "1.0"), EnvelopeHeader("ce_id", "A-1"), EnvelopeHeader("ce_type", "code.committed"),
            EnvelopeHeader("ce_source", "/bots/Git%20Bot"), EnvelopeHeader("ce_time", "2026-11-21T10:00:00Z"),
            EnvelopeHeader("ce_correlationid", "run-3"), EnvelopeHeader("content-type", "application/json; charset=utf-8"),
        ]
        let envelope = try decode(#" {"commit":"abc","payload":{"inner":1},"type":"x"} "#, headers: headers)
        #expect(envelope.id.text == "A-1")
        #expect(envelope.source == "Git Bot")
        #expect(envelope.correlationID == "run-3")
        #expect(String(decoding: envelope.payload, as: UTF8.self) == #"{"commit":"abc","payload":{"inner":1},"type":"x"}"#)
        let ours = try decode(#"{"id":"A-1","payload":{"commit":"abc"}}"#, headers: headers)
        #expect(String(decoding: ours.payload, as: UTF8.self) == #"{"commit":"abc"}"#)
        #expect(failure { () throws(DecodeError) in try decode(#"{"id":"B-2","payload":{}}"#, headers: headers) } == .headerMismatch)
        #expect(
            failure { () throws(DecodeError) in try decode("{}", headers: Array(headers.dropFirst(2)) + [headers[0]]) } == .missingField)
        #expect(
            failure { () throws(DecodeError) in try decode("{}", headers: headers + [EnvelopeHeader("ce_specversion", "0.3")]) }
                == .unsupportedSpecversion)
        #expect(
            failure { () throws(DecodeError) in try decode("{}", headers: headers + [EnvelopeHeader("content-type", "application/avro")]) }
                == .unsupportedContentType)
    }

    @Test(arguments: ["application/cloudevents+json", "application/CloudEvents", "APPLICATION/CLOUDEVENTS+JSON; charset=UTF-8"])
    func readsCloudEventsInStructuredMode(contentType: String) throws {
        let headers = [EnvelopeHeader("content-type", contentType)]
        let envelope = try decode(
            #"{"specversion":"1.0","id":"A-2","source":"https://example.com/ci","type":"code.committed","time":"2026-11-21T10:00:00Z","subject":"s","data":{"commit":"abc"}}"#,
            headers: headers)
        #expect(envelope.id.text == "A-2")
        #expect(envelope.source == "https://example.com/ci")
        #expect(String(decoding: envelope.payload, as: UTF8.self) == #"{"commit":"abc"}"#)
        #expect(
            failure { () throws(DecodeError) in
                try decode(#"{"specversion":"1.0","id":"A","source":"s","type":"code.committed"}"#, headers: headers)
            } == .missingField)
        #expect(failure { () throws(DecodeError) in try decode(#"{"payload":{}}"#, headers: headers) } == .unsupportedSpecversion)
    }

    @Test(arguments: [
        ("", DecodeError.Code.notJSON), ("hello", .notJSON), ("[]", .wrongType), ("{}", .missingField),
        (#"{"commit":"abc"}"#, .missingField),
        (#"{"payload":null}"#, .wrongType), (#"{"payload":"x"}"#, .wrongType), (#"{"payload":[]}"#, .wrongType),
        (#"{"payload":{},"id":7}"#, .wrongType),
        (#"{"payload":{},"id":""}"#, .invalidValue), (#"{"payload":{},"id":"a\u0000b"}"#, .invalidValue),
        (#"{"payload":{},"timestamp":0}"#, .wrongType),
        (#"{"payload":{},"timestamp":"now"}"#, .invalidValue), (#"{"payload":{},"source":{}}"#, .missingField),
        (#"{"payload":{},"source":[]}"#, .wrongType),
        (#"{"payload":{},"source":{"bot_name":7}}"#, .wrongType), (#"{"payload":{},"source":{"bot_name":{"bot_name":"x"}}}"#, .wrongType),
        (#"{"payload":{},"type":"build.completed"}"#, .typeMismatch), (#"{"payload":{},"version":-1}"#, .invalidValue),
        (#"{"payload":{},"version":"one"}"#, .invalidValue), (#"{"payload":{},"version":1.5}"#, .wrongType),
        (#"{"payload":{},"version":"1.2.3.4"}"#, .invalidValue),
        (#"{"payload":{},"priority":"urgent"}"#, .invalidValue), (#"{"payload":{},"priority":1}"#, .wrongType),
        (#"{"payload":{},"ttl":0}"#, .invalidValue),
        (#"{"payload":{},"ttl":"60"}"#, .wrongType), (#"{"payload":{},"ttl":1e300}"#, .invalidValue),
        (#"{"payload":{},"correlation_id":1}"#, .wrongType),
        (#"{"payload":{},"payload":{}}"#, .duplicateKey), (#"{"payload":{"a":{"b":1,"b":2}}}"#, .duplicateKey),
        (#"{"payload":{}"#, .notJSON),
    ])
    func refuses(value: String, code: DecodeError.Code) { #expect(failure { () throws(DecodeError) in try decode(value) } == code) }

    @Test func refusesWhatIsNoText() {
        let codec = EnvelopeCodec()
        func code(_ value: [UInt8]?) -> DecodeError.Code? {
            failure { () throws(DecodeError) in
                try codec.decode(value: value, headers: [], topic: "code.committed", partition: 0, offset: 0, timestamp: nil)
            }
        }
        #expect(code(nil) == .nullValue)
        #expect(code([]) == .notJSON)
        #expect(code(Array(#"{"payload":{"a":"#.utf8) + [0x22, 0xc3, 0x28, 0x22] + Array("}}".utf8)) == .invalidUTF8)
        #expect(
            code(
                Array(#"{"payload":"#.utf8) + Array(repeating: UInt8(ascii: "["), count: 90)
                    + Array(repeating: UInt8(ascii: "]"), count: 90) + [0x7d]) == .tooDeep)
        let padding = String(repeating: "x", count: 256 * 1024)
        #expect(code(Array(#"{"payload":{"a":"\#(padding)"}}"#.utf8)) == .tooLarge)
        #expect(
            failure { () throws(DecodeError) in
                try decode(#"{"payload":{"a":"\#(padding)"}}"#, limits: EnvelopeLimits(maximumBytes: 1 << 20))
            } == nil)
    }

    @Test func textsAreBounded() {
        let long = String(repeating: "x", count: 300)
        for field in ["id", "source", "destination", "correlation_id", "causation_id", "trace_id", "type", "priority", "version"] {
            #expect(
                failure { () throws(DecodeError) in try decode(#"{"payload":{},"\#(field)":"\#(long)"}"#) } == .invalidValue, "\(field)")
        }
        #expect(
            failure { () throws(DecodeError) in try decode(#"{"payload":{}}"#, headers: [EnvelopeHeader("mesh_replay", long)]) }
                == .invalidValue)
    }

    @Test func definitionChecksVersionAndPayload() throws {
        let schema = try JSONSchema(
            parsing: Array(#"{"type":"object","required":["commit"],"properties":{"commit":{"type":"string"}}}"#.utf8))
        let definition = EventDefinition(type: "code.committed", owner: "mesh", producers: [], partitions: 1, version: 2, schema: schema)
        #expect(try decode(#"{"payload":{"commit":"abc"},"version":1}"#, definition: definition).version == 1)
        #expect(
            failure { () throws(DecodeError) in try decode(#"{"payload":{"commit":"abc"},"version":3}"#, definition: definition) }
                == .unknownVersion)
        do throws(DecodeError) {
            _ = try decode(#"{"payload":{"commit":7}}"#, definition: definition)
            Issue.record("a wrong payload was read")
        } catch {
            #expect(error.description == "cannot decode code.committed[3]@10482: payload/commit: expected string, found integer")
        }
    }

    @Test func expiryIsChecked() throws {
        let value = #"{"payload":{},"timestamp":"2026-11-21T10:00:00Z","ttl":60}"#
        #expect(try decode(value, now: Timestamp.parse("2026-11-21T10:01:00Z")).expiry?.text == "2026-11-21T10:01:00.000Z")
        #expect(failure { () throws(DecodeError) in try decode(value, now: Timestamp.parse("2026-11-21T10:01:00.001Z")) } == .expired)
    }

    @Test func theReplayIsReadAndTheIDStays() throws {
        let value = #"{"payload":{},"id":"e"}"#
        let replayed = try decode(value, headers: [EnvelopeHeader("mesh_replay", "r1")])
        #expect(replayed.id == (try decode(value)).id)
        #expect(replayed.replay == "r1")
        #expect(try decode(value).replay == nil)
    }

    @Test(arguments: [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", false),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", true), ("garbage", false), ("", false),
    ])
    func traceContextIsCheckedAndNeverFatal(text: String, isLegal: Bool) throws {
        let envelope = try decode(#"{"payload":{}}"#, headers: [EnvelopeHeader("traceparent", text), EnvelopeHeader("tracestate", "a=1")])
        #expect(envelope.trace == (isLegal ? TraceContext(traceparent: text, tracestate: "a=1") : nil))
    }
}
