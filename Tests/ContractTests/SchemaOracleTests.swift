import Envelopes
import Testing

/// The schemas mean to us what they mean to others: our validator and PyPI's `jsonschema` agree on every example and on thousands of spoilt ones.
@Suite struct SchemaOracleTests {
    @Test func anotherValidatorSaysTheSame() async throws {
        let definitions = try Shipped.catalogue.get().definitions.values.filter { $0.schema != nil }.sorted { $0.type < $1.type }
        var payloads: [[JSONValue]] = []
        for definition in definitions {
            let examples = definition.examples.map(\.payload)
            payloads.append(examples + examples.flatMap { spoilt($0) })
        }
        let cases = zip(definitions, payloads).map { definition, payloads in
            JSONValue.object(["schema": definition.schema?.source ?? .null, "payloads": .array(payloads)])
        }
        let verdicts = try await SchemaOracle.judge(.array(cases))
        #expect(payloads.reduce(0) { $0 + $1.count } > 2000)
        for (index, definition) in definitions.enumerated() {
            let schema = try #require(definition.schema)
            let others = verdicts.array?[index].array ?? []
            try #require(others.count == payloads[index].count)
            for (payload, verdict) in zip(payloads[index], others) {
                let violations = schema.validate(payload)
                #expect(violations.isEmpty == verdict.bool, "\(definition.type): \(payload.jsonText) \(violations)")
            }
        }
    }

    /// Fields whose schema has a format.
    private let formatted: Set<String> = ["fired_at", "at", "requested_at", "started_at", "last_seen"]

    /// The payload with one place changed or taken away, for every place.
    private func spoilt(_ value: JSONValue) -> [JSONValue] {
        let others: [JSONValue] = [
            .null, .bool(false), .integer(-1), .integer(1 << 40), .double(0.5), .double(2), .string(""),
            .string(String(repeating: "ü", count: 5000)),
            .array([]), .object([:]),
        ]
        switch value {
        case .object(let members):
            var result: [JSONValue] = []
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                var changed = members
                changed[name] = nil
                result.append(.object(changed))
                // The reference implementation checks formats only with packages of its own.
                guard !formatted.contains(name) else { continue }
                for other in others + spoilt(member) {
                    changed[name] = other
                    result.append(.object(changed))
                }
            }
            return result
        case .array(let items):
            guard let first = items.first else { return [] }
            return spoilt(first).map { .array([$0] + items.dropFirst()) } + [.array(Array(repeating: first, count: 300))]
        default: return []
        }
    }
}
