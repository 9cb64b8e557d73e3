/// The headers of a record that concern its envelope, as they were written. Of two with one name the later counts, as with Kafka's own clients.
///
/// Filled header by header, then read; confined to one call of the codec.
public final class HeaderFields {
    private(set) var contentType: [UInt8]?
    private(set) var specversion: [UInt8]?
    private(set) var id: [UInt8]?
    private(set) var type: [UInt8]?
    private(set) var source: [UInt8]?
    private(set) var time: [UInt8]?
    private(set) var correlationID: [UInt8]?
    private(set) var causationID: [UInt8]?
    private(set) var priority: [UInt8]?
    private(set) var timeToLive: [UInt8]?
    private(set) var traceparent: [UInt8]?
    private(set) var tracestate: [UInt8]?
    private(set) var replay: [UInt8]?

    public init() {}

    convenience init(_ headers: [EnvelopeHeader]) {
        self.init()
        for header in headers { take(header.name, header.value) }
    }

    /// Takes the next header of the record; one that says nothing of envelopes is left out.
    public func take(_ name: String, _ value: [UInt8]?) {
        switch name {
        case "content-type", "Content-Type", "contentType": contentType = value
        case "ce_specversion": specversion = value
        case "ce_id": id = value
        case "ce_type": type = value
        case "ce_source": source = value
        case "ce_time": time = value
        case "ce_correlationid": correlationID = value
        case "ce_causationid": causationID = value
        case "ce_priority": priority = value
        case "ce_ttl": timeToLive = value
        case "traceparent": traceparent = value
        case "ce_traceparent": if traceparent == nil { traceparent = value }
        case "tracestate": tracestate = value
        case "ce_tracestate": if tracestate == nil { tracestate = value }
        case "mesh_replay": replay = value
        default: break
        }
    }

    private static let json = Array("application/json".utf8)

    enum Mode {
        /// No CloudEvent: an envelope, or its short form.
        case plain
        case binary, structured
        case batch
        case other
    }

    /// How CloudEvents' Kafka binding says that the value is to be read.
    var mode: Mode {
        if contentType ?? Self.json == Self.json { return specversion == nil ? .plain : .binary }
        let mediaType = (contentType ?? []).prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }.map { byte in
            UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
        }
        let text = String(decoding: mediaType.prefix(128), as: UTF8.self)
        if text == "application/cloudevents" || text == "application/cloudevents+json" { return .structured }
        if text.hasPrefix("application/cloudevents-batch") { return .batch }
        if text.hasPrefix("application/cloudevents") { return .other }
        guard specversion != nil else { return .plain }
        return text.isEmpty || text == "application/json" || text == "text/json" || text.hasSuffix("+json") ? .binary : .other
    }
}

extension TraceContext {
    /// The trace context in a record's headers; nil where there is none, or one that W3C's rules say to ignore.
    init?(_ headers: HeaderFields) {
        guard let parent = headers.traceparent, parent.count <= 128 else { return nil }
        let text = String(decoding: parent, as: UTF8.self)
        guard Self.isLegal(text) else { return nil }
        let state = headers.tracestate.flatMap { bytes in
            bytes.count <= EnvelopeLimits.maximumTracestateBytes && bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
                ? String(decoding: bytes, as: UTF8.self) : nil
        }
        self.init(traceparent: text, tracestate: state?.isEmpty == true ? nil : state)
    }

    /// Whether `traceparent` has the form `00-<32 hex>-<16 hex>-<2 hex>` with lower-case digits and ids that are not all zeros. A later version may go on behind it.
    static func isLegal(_ traceparent: String) -> Bool {
        let bytes = Array(traceparent.utf8)
        guard bytes.count >= 55 else { return false }
        for (index, byte) in bytes.prefix(55).enumerated() {
            if index == 2 || index == 35 || index == 52 {
                guard byte == UInt8(ascii: "-") else { return false }
            } else {
                guard hexValue(byte) != nil, !(UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte) else { return false }
            }
        }
        let version = bytes[0..<2]
        guard !version.elementsEqual("ff".utf8) else { return false }
        guard bytes.count == 55 || (!version.elementsEqual("00".utf8) && bytes[55] == UInt8(ascii: "-")) else { return false }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return false }
        return bytes[3..<35].contains { $0 != UInt8(ascii: "0") } && bytes[36..<52].contains { $0 != UInt8(ascii: "0") }
    }
}
