/// The members of an envelope's object, or of a CloudEvent's in structured mode, by what they mean. A member that is null counts as absent, except the payload.
struct EnvelopeFields {
    var id: JSONElement?
    var timestamp: JSONElement?
    var source: JSONElement?
    var destination: JSONElement?
    var type: JSONElement?
    var version: JSONElement?
    var payload: JSONElement?
    /// Which member of the object the payload is, from 0.
    var payloadMember = 0
    var priority: JSONElement?
    var correlationID: JSONElement?
    var causationID: JSONElement?
    var timeToLive: JSONElement?
    var traceID: JSONElement?
    var specversion: JSONElement?
    var dataBase64: JSONElement?
    /// There are members that no envelope has.
    var hasOthers = false

    /// The members of an envelope.
    init(envelope object: JSONElement) {
        var metadata: JSONElement?
        var member = -1
        for (name, value) in JSONMembers(object) {
            member += 1
            if name.isText("payload") {
                payload = value
                payloadMember = member
                continue
            }
            let present = value.kind == .null ? nil : value
            if name.isText("metadata") { metadata = present } else if !take(name, present) { hasOthers = true }
        }
        guard let metadata, metadata.kind == .object else { return }
        for (name, value) in JSONMembers(metadata) where value.kind != .null { takeMetadata(name, value) }
    }

    private mutating func take(_ name: JSONElement, _ value: JSONElement?) -> Bool {
        if name.isText("id") {
            id = value
        } else if name.isText("timestamp") {
            timestamp = value
        } else if name.isText("source") {
            source = value
        } else if name.isText("destination") {
            destination = value
        } else if name.isText("type") {
            type = value
        } else if name.isText("version") {
            version = value
        } else if name.isText("priority") {
            priority = value
        } else if name.isText("correlation_id") {
            correlationID = value
        } else if name.isText("causation_id") {
            causationID = value
        } else if name.isText("ttl") {
            timeToLive = value
        } else if name.isText("trace_id") {
            traceID = value
        } else {
            return false
        }
        return true
    }

    /// What stands at the top counts before what stands in `metadata`.
    private mutating func takeMetadata(_ name: JSONElement, _ value: JSONElement) {
        if name.isText("priority") {
            priority = priority ?? value
        } else if name.isText("correlation_id") {
            correlationID = correlationID ?? value
        } else if name.isText("causation_id") {
            causationID = causationID ?? value
        } else if name.isText("ttl") {
            timeToLive = timeToLive ?? value
        } else if name.isText("trace_id") {
            traceID = traceID ?? value
        }
    }

    /// The members of a CloudEvent in JSON.
    init(cloudEvent object: JSONElement) {
        var member = -1
        for (name, value) in JSONMembers(object) {
            member += 1
            if name.isText("data") {
                payload = value
                payloadMember = member
                continue
            }
            guard value.kind != .null else { continue }
            if name.isText("specversion") {
                specversion = value
            } else if name.isText("id") {
                id = value
            } else if name.isText("source") {
                source = value
            } else if name.isText("type") {
                type = value
            } else if name.isText("time") {
                timestamp = value
            } else if name.isText("data_base64") {
                dataBase64 = value
            } else if name.isText("correlationid") {
                correlationID = value
            } else if name.isText("causationid") {
                causationID = value
            } else if name.isText("priority") {
                priority = value
            } else if name.isText("ttl") {
                timeToLive = value
            } else {
                hasOthers = true
            }
        }
    }

    /// A CloudEvent in binary mode, whose attributes are headers and whose whole value is the payload.
    init(data: JSONElement) { payload = data }
}
