extension TraceContext {
    /// The first span of a new trace (W3C Trace Context, version 00), sampled or not.
    public static func root(random generator: inout some RandomNumberGenerator, isSampled: Bool = true) -> TraceContext {
        // Stamping sets bits, so neither id can be all zeros.
        let trace = UniqueID.random(using: &generator)
        let span = UniqueID.random(using: &generator)
        return TraceContext(traceparent: "00-\(trace.hex)-\(span.hex.suffix(16))-\(isSampled ? "01" : "00")")
    }

    /// A span of the same trace below this one, with a random id. Unchanged when `traceparent` has no form that we can read.
    public func child(random generator: inout some RandomNumberGenerator) -> TraceContext {
        guard Self.isLegal(traceparent) else { return self }
        let bytes = Array(traceparent.utf8)
        let span = Array(UniqueID.random(using: &generator).hex.utf8.suffix(16))
        // What a later version carries behind the flags is ours to drop: we write version 00.
        let text = Array("00".utf8) + bytes[2..<36] + span + bytes[52..<55]
        return TraceContext(traceparent: String(decoding: text, as: UTF8.self), tracestate: tracestate)
    }

    /// The 32 hexadecimal digits that name the trace; nil when `traceparent` has no form that we can read.
    public var traceID: String? {
        Self.isLegal(traceparent) ? String(decoding: traceparent.utf8.dropFirst(3).prefix(32), as: UTF8.self) : nil
    }
}

extension UniqueID {
    /// The 32 digits without dashes.
    var hex: String { text.filter { $0 != "-" } }
}
