extension Envelope {
    /// The flat shape. Absent fields are left out; the payload stands as it is.
    var jsonBytes: [UInt8] {
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
        return writer.bytes
    }

    /// Gives the headers one by one; their bytes are valid within the call.
    func writeHeaders(to header: (HeaderFields.Bytes, HeaderFields.Bytes) -> Void) {
        func write(_ name: StaticString, _ value: HeaderFields.Bytes) {
            header(HeaderFields.Bytes(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
        }
        func write(_ name: StaticString, _ value: String) {
            var value = value
            value.withUTF8 { write(name, $0) }
        }
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
}
