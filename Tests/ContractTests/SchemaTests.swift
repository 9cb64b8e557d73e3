import Envelopes
import FoundationEssentials
import Testing
import Topology

/// Three forms of one thing are kept equal: the schema in `topics/`, the Swift struct, and the golden examples.
@Suite struct SchemaTests {
    /// Every type that has a schema, with the struct that stands for it.
    static let payloads: [EventType: any EventPayload.Type] = {
        let types: [any EventPayload.Type] = [
            CodeCommitted.self, BuildStarted.self, BuildCompleted.self, BuildFailed.self, BuildCancelled.self, BuildCancelRequested.self,
            TestStarted.self, TestCompleted.self, TestFailed.self, TestSkipped.self, SecurityScanStarted.self, SecurityScanCompleted.self,
            SecurityVulnerabilitiesFound.self, SecuritySecretsFound.self, SecurityFailed.self, DeployRequested.self, DeployApproved.self,
            DeployRejected.self, DeployStarted.self, DeployCompleted.self, DeployFailed.self, DeployRolledBack.self,
            DeployRollbackRequested.self, MonitorHealthCheckPassed.self, MonitorHealthCheckFailed.self, MonitorMetricsCollected.self,
            AlertTriggered.self, AlertResolved.self, NotificationRequested.self, NotificationSent.self, NotificationFailed.self,
            NotificationAcknowledged.self, ScheduleFired.self, BotErrorEvent.self, BotCapabilities.self, BenchRequest.self,
            BenchResponse.self,
        ]
        var table = Dictionary(uniqueKeysWithValues: types.map { ($0.type, $0) })
        for domain in ["build", "test", "security", "deploy"] { table[StepLog.type(domain: domain)] = StepLog.self }
        return table
    }()

    /// What the mesh's own topics carry, which are no envelopes.
    static let records: [EventType: any (Codable & Sendable).Type] = [
        "mesh.audit": AuditRecord.self, "mesh.control": ControlRecord.self, "mesh.instances": InstanceRecord.self,
        "mesh.dlq_marks": DeadLetterMark.self,
    ]

    private struct Case {
        let definition: EventDefinition
        let schema: JSONSchema
        let swift: any (Codable & Sendable).Type
    }

    private func cases() throws -> [Case] {
        try Shipped.catalogue.get().definitions.values.sorted { $0.type < $1.type }.compactMap { definition in
            guard let schema = definition.schema else { return nil }
            return Case(
                definition: definition, schema: schema,
                swift: try #require(
                    Self.payloads[definition.type] ?? Self.records[definition.type],
                    "\(definition.type) has a schema but no struct in this table"))
        }
    }

    @Test func everyStructHasASchema() throws {
        let catalogue = try Shipped.catalogue.get()
        for type in Self.records.keys { #expect(catalogue[type]?.schema != nil, "\(type) has no schema") }
        for (type, payload) in Self.payloads {
            #expect(catalogue[type]?.schema != nil, "\(type) has no schema")
            #expect(catalogue[type]?.version == payload.version, "\(type): the struct writes another version")
        }
    }

    @Test func everyExampleFitsItsSchema() throws {
        for item in try cases() {
            for example in item.definition.examples {
                #expect(item.schema.validate(example.payload) == [], "\(item.definition.type), \(example.name)")
            }
        }
    }

    @Test func everyExampleIsReadAndWrittenBackTheSame() throws {
        for item in try cases() {
            for example in item.definition.examples {
                let written = try roundTrip(example.payload, item.swift)
                #expect(item.schema.validate(written) == [], "\(item.definition.type), \(example.name), as the struct writes it")
                if !example.isOlder { #expect(isSame(written, example.payload), "\(item.definition.type), \(example.name)") }
            }
        }
    }

    /// All fields of the schema are shown, and with the test above so are all of the struct.
    @Test func theExamplesTogetherShowEveryFieldAndNoOther() throws {
        for item in try cases() {
            let declared = fields(of: item.schema.source, in: item.schema.source, at: "")
            var shown: Set<String> = []
            for example in item.definition.examples {
                shown.formUnion(paths(of: example.payload, schema: item.schema.source, in: item.schema.source, at: ""))
            }
            #expect(
                declared.subtracting(shown).isEmpty, "\(item.definition.type): shown by no example: \(declared.subtracting(shown).sorted())"
            )
            guard item.schema.source["additionalProperties"] == nil else { continue }
            #expect(shown.subtracting(declared).isEmpty, "\(item.definition.type): not declared: \(shown.subtracting(declared).sorted())")
        }
    }

    /// No stored property is nil in all examples; so what the struct could write is in the schema.
    @Test func everyPropertyOfAStructIsUsedByAnExample() throws {
        for item in try cases() {
            var used: Set<String> = []
            var all: Set<String> = []
            for example in item.definition.examples {
                for child in Mirror(reflecting: try decode(example.payload, item.swift)).children {
                    guard let label = child.label else { continue }
                    all.insert(label)
                    let mirror = Mirror(reflecting: child.value)
                    if mirror.displayStyle != .optional || !mirror.children.isEmpty { used.insert(label) }
                }
            }
            #expect(all == used, "\(item.definition.type): never set: \(all.subtracting(used).sorted())")
        }
    }

    @Test func keysAreWhatTheCatalogueSays() throws {
        for item in try cases() {
            for example in item.definition.examples {
                guard let payload = try decode(example.payload, item.swift) as? any EventPayload else { continue }
                let parts = item.definition.key.split(separator: "/").compactMap { example.payload[String($0)]?.string }
                #expect(payload.key == parts.joined(separator: "/"), "\(item.definition.type), \(example.name)")
            }
        }
    }

    /// What a payload lacks or has wrong is refused, by the schema and by the struct.
    @Test func nothingRequiredMayBeMissing() throws {
        for item in try cases() {
            guard let payload = item.definition.examples.first(where: { !$0.isOlder })?.payload.object else { continue }
            for name in item.schema.source["required"]?.array ?? [] {
                var lacking = payload
                lacking[name.string ?? ""] = nil
                #expect(item.schema.validate(.object(lacking)) != [], "\(item.definition.type) without \(name)")
                #expect(throws: DecodingError.self, "\(item.definition.type) without \(name)") {
                    _ = try decode(.object(lacking), item.swift)
                }
            }
        }
    }

    @Test func everyNumberAndTextIsDescribed() throws {
        for item in try cases() {
            for path in undescribed(item.schema.source, in: item.schema.source, at: "") {
                Issue.record("\(item.definition.type): \(path) has no description")
            }
        }
    }

    // MARK: Helpers

    private func decode(_ value: JSONValue, _ type: any (Codable & Sendable).Type) throws -> any Codable {
        func open<Payload: Codable>(_: Payload.Type) throws -> any Codable {
            try JSONCoder.decode(Payload.self, from: value.bytes)
        }
        return try open(type)
    }

    private func roundTrip(_ value: JSONValue, _ type: any (Codable & Sendable).Type) throws -> JSONValue {
        func open(_ payload: some Encodable) throws -> [UInt8] { try JSONCoder.bytes(payload) }
        return try JSONValue.parse(try open(try decode(value, type)))
    }

    /// Equal in value: 3 and 3.0 are one number.
    private func isSame(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)):
            Set(left.keys) == Set(right.keys) && left.allSatisfy { name, value in right[name].map { isSame(value, $0) } ?? false }
        case (.array(let left), .array(let right)): left.count == right.count && zip(left, right).allSatisfy { isSame($0, $1) }
        default: left == right || (left.number != nil && left.number == right.number)
        }
    }

    private func resolved(_ schema: JSONValue, in root: JSONValue) -> JSONValue {
        guard let reference = schema["$ref"]?.string else { return schema }
        return root["$defs"]?[String(reference.dropFirst("#/$defs/".count))] ?? schema
    }

    /// `steps/name` for every property, through arrays and references.
    private func fields(of schema: JSONValue, in root: JSONValue, at path: String) -> Set<String> {
        let schema = resolved(schema, in: root)
        if let items = schema["items"] { return fields(of: items, in: root, at: path) }
        var result: Set<String> = []
        for (name, property) in schema["properties"]?.object ?? [:] {
            result.insert(path + name)
            result.formUnion(fields(of: property, in: root, at: path + name + "/"))
        }
        return result
    }

    private func paths(of value: JSONValue, schema: JSONValue, in root: JSONValue, at path: String) -> Set<String> {
        let schema = resolved(schema, in: root)
        if let items = schema["items"] {
            return (value.array ?? []).reduce(into: []) { $0.formUnion(paths(of: $1, schema: items, in: root, at: path)) }
        }
        // A map of free names, such as metrics.
        guard let properties = schema["properties"] else { return [] }
        var result: Set<String> = []
        for (name, member) in value.object ?? [:] {
            result.insert(path + name)
            result.formUnion(paths(of: member, schema: properties[name] ?? .null, in: root, at: path + name + "/"))
        }
        return result
    }

    private func undescribed(_ schema: JSONValue, in root: JSONValue, at path: String) -> [String] {
        (schema["properties"]?.object ?? [:]).flatMap { name, property -> [String] in
            let target = resolved(property, in: root)
            let isDescribed = property["description"] != nil || target["description"] != nil
            let items = target["items"].map { resolved($0, in: root) } ?? target
            return (isDescribed ? [] : [path + name]) + undescribed(items, in: root, at: path + name + "/")
        }
    }
}
