/// The headers of a record that concern its envelope, as they lie in the record. Of two with one name the later counts, as with Kafka's own clients.
///
/// Filled header by header, then read; the bytes must stay where they are until the codec has returned.
public struct HeaderFields {
    public typealias Bytes = UnsafeBufferPointer<UInt8>

    private(set) var contentType: Bytes?
    private(set) var specversion: Bytes?
    private(set) var id: Bytes?
    private(set) var type: Bytes?
    private(set) var source: Bytes?
    private(set) var time: Bytes?
    private(set) var correlationID: Bytes?
    private(set) var causationID: Bytes?
    private(set) var priority: Bytes?
    private(set) var timeToLive: Bytes?
    private(set) var traceparent: Bytes?
    private(set) var tracestate: Bytes?
    private(set) var replay: Bytes?

    public init() {}

    /// Calls `body` with the fields of `headers`.
    static func with<Result, Failure: Error>(
        _ headers: [EnvelopeHeader], _ body: (HeaderFields) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var bytes: [UInt8] = []
        for header in headers { bytes += header.name.utf8 + (header.value ?? []) }
        return try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
            var fields = HeaderFields()
            var place = 0
            func next(_ count: Int) -> Bytes {
                defer { place += count }
                return Bytes(rebasing: bytes[place..<place + count])
            }
            for header in headers {
                let name = next(header.name.utf8.count)
                fields.take(name, header.value.map { next($0.count) })
            }
            return try body(fields)
        }
    }

    /// Takes the next header of the record; one that says nothing of envelopes is left out.
    public mutating func take(_ name: Bytes, _ value: Bytes?) {
        if name.isText("ce_specversion") {
            specversion = value
        } else if name.isText("ce_id") {
            id = value
        } else if name.isText("ce_type") {
            type = value
        } else if name.isText("ce_source") {
            source = value
        } else if name.isText("content-type") || name.isText("Content-Type") || name.isText("contentType") {
            contentType = value
        } else if name.isText("ce_time") {
            time = value
        } else if name.isText("ce_correlationid") {
            correlationID = value
        } else if name.isText("ce_causationid") {
            causationID = value
        } else if name.isText("ce_priority") {
            priority = value
        } else if name.isText("ce_ttl") {
            timeToLive = value
        } else if name.isText("traceparent") {
            traceparent = value
        } else if name.isText("ce_traceparent") {
            traceparent = traceparent ?? value
        } else if name.isText("tracestate") {
            tracestate = value
        } else if name.isText("ce_tracestate") {
            tracestate = tracestate ?? value
        } else if name.isText("mesh_replay") {
            replay = value
        }
    }

    enum Mode {
        /// No CloudEvent: an envelope, or its short form.
        case plain
        case binary, structured
        case batch
        case other
    }

    /// How CloudEvents' Kafka binding says that the value is to be read.
    var mode: Mode {
        guard let contentType, !contentType.isText("application/json") else { return specversion == nil ? .plain : .binary }
        let mediaType = contentType.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }.map { byte in
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
        guard let parent = headers.traceparent, parent.count <= 128, Self.isLegal(parent) else { return nil }
        let text = String(decoding: parent, as: UTF8.self)
        let state = headers.tracestate.flatMap { bytes in
            bytes.count <= EnvelopeLimits.maximumTracestateBytes && bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
                ? String(decoding: bytes, as: UTF8.self) : nil
        }
        self.init(traceparent: text, tracestate: state?.isEmpty == true ? nil : state)
    }

    /// Whether `traceparent` has the form `00-<32 hex>-<16 hex>-<2 hex>` with lower-case digits and ids that are not all zeros. A later version may go on behind it.
    static func isLegal(_ traceparent: String) -> Bool { traceparent.withBytes { isLegal($0) } }

    private static func isLegal(_ text: HeaderFields.Bytes) -> Bool {
        guard text.count >= 55 else { return false }
        func isDash(_ place: Int) -> Bool { text[place] == UInt8(ascii: "-") }
        /// Whether lower-case digits stand there; `notZero`: and not zeros alone.
        func areDigits(_ places: Range<Int>, notZero: Bool = false) -> Bool {
            var all: UInt8 = 0
            for place in places {
                let byte = text[place]
                guard byte &- 0x30 < 10 || byte &- 0x61 < 6 else { return false }
                all |= byte ^ 0x30
            }
            return all != 0 || !notZero
        }
        guard isDash(2), isDash(35), isDash(52), areDigits(0..<2), areDigits(3..<35, notZero: true), areDigits(36..<52, notZero: true),
            areDigits(53..<55), text[0] != UInt8(ascii: "f") || text[1] != UInt8(ascii: "f")
        else { return false }
        if text.count == 55 { return true }
        let isFirstVersion = text[0] == UInt8(ascii: "0") && text[1] == UInt8(ascii: "0")
        return !isFirstVersion && isDash(55) && text[55...].allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
}
