/// One piece of a load test: BenchBot answers it with a `BenchResponse`.
/// Topic `bench.request`.
public struct BenchRequest: EventPayload {
    public static let type: EventType = "bench.request"

    /// Stands for the key that real events have; the load generator chooses it.
    public var repository: String
    /// Number of the request, from 0.
    public var sequence: Int64
    /// Every other field of the payload, so that a load test can choose its size.
    public var fields: [String: JSONValue]

    public init(repository: String, sequence: Int64, fields: [String: JSONValue] = [:]) {
        self.repository = repository
        self.sequence = sequence
        self.fields = fields
    }

    public var key: String? { repository }

    public init(from decoder: any Decoder) throws { (repository, sequence, fields) = try BenchFields.decode(decoder) }
    public func encode(to encoder: any Encoder) throws { try BenchFields.encode(repository, sequence, fields, to: encoder) }
}

/// The answer to a `BenchRequest`, with the same fields.
/// Topic `bench.response`.
public struct BenchResponse: EventPayload {
    public static let type: EventType = "bench.response"

    /// The request's.
    public var repository: String
    /// The request's.
    public var sequence: Int64
    /// The request's.
    public var fields: [String: JSONValue]

    public init(repository: String, sequence: Int64, fields: [String: JSONValue] = [:]) {
        self.repository = repository
        self.sequence = sequence
        self.fields = fields
    }

    public var key: String? { repository }

    public init(from decoder: any Decoder) throws { (repository, sequence, fields) = try BenchFields.decode(decoder) }
    public func encode(to encoder: any Encoder) throws { try BenchFields.encode(repository, sequence, fields, to: encoder) }
}

/// The JSON form that both have: two known fields, and others beside them.
private enum BenchFields {
    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
        static let repository = Name(stringValue: "repository")
        static let sequence = Name(stringValue: "sequence")
    }

    static func decode(_ decoder: any Decoder) throws -> (String, Int64, [String: JSONValue]) {
        let container = try decoder.container(keyedBy: Name.self)
        var fields: [String: JSONValue] = [:]
        for name in container.allKeys where name.stringValue != "repository" && name.stringValue != "sequence" {
            fields[name.stringValue] = try container.decode(JSONValue.self, forKey: name)
        }
        return (try container.decode(String.self, forKey: .repository), try container.decode(Int64.self, forKey: .sequence), fields)
    }

    static func encode(_ repository: String, _ sequence: Int64, _ fields: [String: JSONValue], to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (name, value) in fields { try container.encode(value, forKey: Name(stringValue: name)) }
        try container.encode(repository, forKey: .repository)
        try container.encode(sequence, forKey: .sequence)
    }
}
