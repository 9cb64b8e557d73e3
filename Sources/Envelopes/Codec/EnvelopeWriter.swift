extension Envelope {
    /// The flat shape. Absent fields are left out; the payload stands as it is.
    var jsonBytes: [UInt8] {
        var writer = JSONWriter(capacity: 320 + payload.count)
        writer.raw("{\"id\":")
        writer.string(id.text)
        writer.raw(",\"timestamp\":\"")
        writer.raw(timestamp.text)
        writer.raw("\",\"source\":")
        writer.string(source)
        if let destination {
            writer.raw(",\"destination\":")
            writer.string(destination)
        }
        writer.raw(",\"type\":")
        writer.string(type.name)
        writer.raw(",\"version\":")
        writer.integer(Int64(version))
        writer.raw(",\"priority\":")
        writer.string(priority.rawValue)
        writer.raw(",\"correlation_id\":")
        writer.string(correlationID)
        if let causationID {
            writer.raw(",\"causation_id\":")
            writer.string(causationID)
        }
        if let timeToLive {
            writer.raw(",\"ttl\":")
            let (seconds, attoseconds) = timeToLive.components
            if attoseconds == 0 { writer.integer(seconds) } else { writer.double(Double(seconds) + Double(attoseconds) / 1e18) }
        }
        writer.raw(",\"payload\":")
        writer.raw(payload)
        writer.raw("}")
        return writer.bytes
    }

    var headers: [EnvelopeHeader] { headers { EnvelopeHeader($0, $1) } }

    func headers<Header>(_ make: (String, [UInt8]) -> Header) -> [Header] {
        var headers = [
            make("ce_specversion", Self.specversion), make("ce_id", Array(id.text.utf8)), make("ce_type", Array(type.name.utf8)),
            make("ce_source", Array(SourceURI.uri(of: source).utf8)), make("content-type", Self.contentType),
        ]
        if let trace {
            headers.append(make("traceparent", Array(trace.traceparent.utf8)))
            if let state = trace.tracestate { headers.append(make("tracestate", Array(state.utf8))) }
        }
        if let replay { headers.append(make("mesh_replay", Array(replay.utf8))) }
        return headers
    }

    private static let specversion = Array("1.0".utf8)
    private static let contentType = Array("application/json".utf8)
}
