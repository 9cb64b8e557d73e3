extension Envelope {
    /// The flat shape. Absent fields are left out; the payload stands as it is.
    var jsonBytes: [UInt8] {
        var writer = JSONWriter(capacity: 320 + payload.count)
        writer.raw("{\"id\":")
        writer.string(id.text)
        writer.raw(",\"timestamp\":\"")
        writer.raw(Array(timestamp.text.utf8))
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

    var headers: [EnvelopeHeader] {
        var headers = [
            EnvelopeHeader("ce_specversion", "1.0"), EnvelopeHeader("ce_id", id.text), EnvelopeHeader("ce_type", type.name),
            EnvelopeHeader("ce_source", SourceURI.uri(of: source)), EnvelopeHeader("content-type", "application/json"),
        ]
        if let trace {
            headers.append(EnvelopeHeader("traceparent", trace.traceparent))
            if let state = trace.tracestate { headers.append(EnvelopeHeader("tracestate", state)) }
        }
        if let replay { headers.append(EnvelopeHeader("mesh_replay", replay)) }
        return headers
    }
}
