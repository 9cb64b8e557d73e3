extension Envelope {
    /// The flat shape, for as long as `body` runs. Absent fields are left out; the payload stands as it is.
    func withJSON<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        var writer = JSONWriter(capacity: 320 + payload.count)
        writer.literal("{\"id\":")
        writer.string(id.identifier)
        writer.literal(",\"timestamp\":")
        writer.string(timestamp)
        writer.literal(",\"source\":")
        writer.string(source)
        if let destination {
            writer.literal(",\"destination\":")
            writer.string(destination)
        }
        writer.literal(",\"type\":")
        writer.string(type.name)
        writer.literal(",\"version\":")
        writer.integer(Int64(version))
        writer.literal(",\"priority\":")
        writer.string(priority.rawValue)
        writer.literal(",\"correlation_id\":")
        writer.string(correlation)
        if let causation {
            writer.literal(",\"causation_id\":")
            writer.string(causation)
        }
        if let timeToLive {
            writer.literal(",\"ttl\":")
            let (seconds, attoseconds) = timeToLive.components
            if attoseconds == 0 { writer.integer(seconds) } else { writer.double(Double(seconds) + Double(attoseconds) / 1e18) }
        }
        writer.literal(",\"payload\":")
        writer.raw(payload)
        writer.literal("}")
        return writer.withBytes(body)
    }

    /// Gives the headers one by one; their bytes are valid within the call.
    func writeHeaders(to header: (HeaderFields.Bytes, HeaderFields.Bytes) -> Void) {
        func write(_ name: StaticString, _ value: HeaderFields.Bytes) {
            header(HeaderFields.Bytes(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
        }
        func write(_ name: StaticString, _ value: String) { value.withBytes { write(name, $0) } }
        write("ce_specversion", "1.0")
        if let unique = id.unique {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: UniqueID.textBytes) { text in
                unique.write(to: text.baseAddress.unsafelyUnwrapped)
                write("ce_id", HeaderFields.Bytes(text))
            }
        } else {
            write("ce_id", id.text)
        }
        write("ce_type", type.name)
        SourceURI.withURI(of: source) { write("ce_source", $0) }
        write("content-type", "application/json")
        if let trace {
            write("traceparent", trace.traceparent)
            if let state = trace.tracestate { write("tracestate", state) }
        }
        if let replay { write("mesh_replay", replay) }
    }

    /// The bytes of value and headers are no more than these.
    var mostBytes: Int {
        /// What a text takes in JSON, where each of its bytes may become six.
        func most(_ text: String) -> Int { 6 * text.utf8.count }
        func most(_ id: Identifier) -> Int { id.unique == nil ? most(id.text) : UniqueID.textBytes }
        // All that is not named here, names and punctuation above all, takes 340 bytes at most. Three stand in the value and in a header.
        var bytes = 512 + payload.count + 2 * (most(id.identifier) + most(source) + most(type.name)) + most(correlation)
        if let destination { bytes += most(destination) }
        if let causation { bytes += most(causation) }
        if let trace { bytes += trace.traceparent.utf8.count + (trace.tracestate?.utf8.count ?? 0) }
        if let replay { bytes += replay.utf8.count }
        return bytes
    }
}
