extension TraceContext {
    /// The context of what follows from `seed`'s work: the same trace, and a span id derived from the seed, so that a repeat gives the same. Written in
    /// version 00; unchanged when `traceparent` has no form that we can read.
    public func child(of seed: String) -> TraceContext {
        guard Self.isLegal(traceparent) else { return self }
        let bytes = Array(traceparent.utf8)
        let span = UUIDv5.derive([traceparent, seed, "span"]).hex.utf8.suffix(16)
        // What a later version carries behind the flags is ours to drop.
        let text = Array("00".utf8) + bytes[2..<36] + span + bytes[52..<55]
        return TraceContext(traceparent: String(decoding: text, as: UTF8.self), tracestate: tracestate)
    }

    /// The context of an event that named only its trace: 32 hexadecimal digits, or a UUID. The span's id is derived from the event's. Nil for any other `traceID`.
    init?(traceID: String, of event: EventID) {
        let digits = UniqueID(traceID)?.hex ?? traceID.lowercased()
        let text = "00-\(digits)-\(UUIDv5.derive([event.text, "span"]).hex.suffix(16))-00"
        guard text.utf8.count == 55, Self.isLegal(text) else { return nil }
        self.init(traceparent: text)
    }
}

extension UniqueID {
    /// The 32 digits without dashes.
    fileprivate var hex: String { text.filter { $0 != "-" } }
}
