import BotKit
import Envelopes

/// The mesh as an AsyncAPI 3.0.0 document: a channel for each topic, and an operation for each bot that reads or writes it. Source of the format:
/// AsyncAPI Specification 3.0.0, Kafka bindings 0.5.0.
public struct AsyncAPIDocument: Sendable {
    private let contracts: [Contract]
    private let catalogue: EventCatalogue
    private let topics: [EventDefinition]
    private let replicas: Int
    private let server: String
    private let version: String

    /// `server` is `host:port`; `bots` are those whose own topics there shall be; `version` that of the document.
    public init(
        contracts: [Contract], catalogue: EventCatalogue, bots: [(name: String, isStateful: Bool)], server: String, replicas: Int,
        version: String
    ) {
        self.contracts = contracts
        self.catalogue = catalogue
        topics = catalogue.topics(bots: bots)
        self.replicas = replicas
        self.server = server
        self.version = version
    }

    public var json: JSONValue {
        .object([
            "asyncapi": "3.0.0", "id": "urn:botmesh:mesh", "defaultContentType": "application/json",
            "info": [
                "title": "botmesh", "version": .string(version),
                "description": "The topics of the mesh and the bots that read and write them. An event's type is the name of its topic.",
            ],
            "servers": ["kafka": ["host": .string(server), "protocol": "kafka", "description": "Apache Kafka, or meshbroker"]],
            "channels": .object(Dictionary(uniqueKeysWithValues: topics.map { ($0.type.name, channel($0)) })),
            "operations": .object(operations), "components": components,
        ])
    }

    private func channel(_ definition: EventDefinition) -> JSONValue {
        let topic = definition.newTopic(replicas: replicas)
        var settings: [String: JSONValue] = [
            "cleanup.policy": .array(definition.cleanup.rawValue.split(separator: ",").map { .string(String($0)) }),
            "max.message.bytes": .integer(Int64(definition.maximumBytes)),
        ]
        if let retention = topic.configuration["retention.ms"].flatMap({ Int64($0) }) { settings["retention.ms"] = .integer(retention) }
        return [
            "address": .string(definition.type.name), "description": .string(definition.summary),
            "servers": [["$ref": "#/servers/kafka"]], "tags": [["name": .string(definition.owner), "description": "the owner"]],
            "messages": .object([definition.type.name: ["$ref": .string("#/components/messages/\(definition.type.name)")]]),
            "bindings": [
                "kafka": [
                    "topic": .string(definition.type.name), "partitions": .integer(Int64(definition.partitions)),
                    "replicas": .integer(Int64(replicas)), "topicConfiguration": .object(settings), "bindingVersion": "0.5.0",
                ]
            ],
        ]
    }

    /// `BuildBot.send.build.completed`, `TestBot.receive.build.completed`; what people may produce is `people.send.…`.
    private var operations: [String: JSONValue] {
        var operations: [String: JSONValue] = [:]
        func add(_ action: String, _ type: EventType, by actor: String, _ summary: String, group: String? = nil) {
            guard topics.contains(where: { $0.type == type }) else { return }
            var operation: [String: JSONValue] = [
                "action": .string(action), "channel": ["$ref": .string("#/channels/\(type.name)")], "summary": .string(summary),
                "messages": [["$ref": .string("#/channels/\(type.name)/messages/\(type.name)")]], "tags": [["name": .string(actor)]],
            ]
            if let group {
                operation["bindings"] = [
                    "kafka": ["groupId": ["type": "string", "enum": [.string(group)]], "bindingVersion": "0.5.0"]
                ]
            }
            operations["\(actor).\(action).\(type.name)"] = .object(operation)
        }
        for contract in contracts {
            let name = contract.name
            for type in contract.produces { add("send", type, by: name, "\(name) produces \(type.name)") }
            for type in MeshGraph.consumed(by: contract, catalogue) {
                add("receive", type, by: name, "\(name) is started by \(type.name)", group: name)
            }
        }
        for definition in topics where definition.kind == .event && definition.producers.contains(EventDefinition.anyone) {
            add("send", definition.type, by: "people", "anyone may produce \(definition.type.name)")
        }
        return operations
    }

    private var components: JSONValue {
        var schemas: [String: JSONValue] = [:]
        for definition in topics where definition.kind != .internal { schemas["\(definition.type.name).envelope"] = envelope(definition) }
        for definition in topics {
            if let schema = definition.schema { schemas[definition.type.name] = SchemaInliner(schema.source).inlined }
        }
        return .object([
            "schemas": .object(schemas), "messages": .object(Dictionary(uniqueKeysWithValues: topics.map { ($0.type.name, message($0)) })),
        ])
    }

    private func message(_ definition: EventDefinition) -> JSONValue {
        let name = definition.type.name
        var message: [String: JSONValue] = [
            "name": .string(name), "title": .string(name), "summary": .string(definition.summary),
            "bindings": ["kafka": ["key": ["type": "string", "description": .string(keyText(definition))], "bindingVersion": "0.5.0"]],
        ]
        if definition.kind == .internal {
            // Those without a schema hold other records as they were, or a bot's own state.
            if definition.schema != nil {
                message["payload"] = ["$ref": .string("#/components/schemas/\(name)")]
                message["contentType"] = "application/json"
            }
        } else {
            message["contentType"] = "application/json"
            message["payload"] = ["$ref": .string("#/components/schemas/\(name).envelope")]
            message["headers"] = headers(definition)
            let examples = definition.examples.map { example -> JSONValue in
                ["name": .string(example.name), "payload": ["payload": example.payload]]
            }
            if !examples.isEmpty { message["examples"] = .array(examples) }
        }
        return .object(message)
    }

    private func keyText(_ definition: EventDefinition) -> String {
        definition.kind == .internal ? definition.key : "the payload's fields \(definition.key)"
    }

    /// Those of CloudEvents 1.0 in Kafka's binary mode.
    private func headers(_ definition: EventDefinition) -> JSONValue {
        func text(_ description: String) -> JSONValue { ["type": "string", "description": .string(description)] }
        return [
            "type": "object",
            "properties": [
                "ce_specversion": ["type": "string", "const": "1.0"], "ce_id": text("the envelope's id"),
                "ce_type": ["type": "string", "const": .string(definition.type.name)], "ce_source": text("/bots/ and the producer's name"),
                "content-type": ["type": "string", "const": "application/json"],
                "traceparent": text("W3C Trace Context, where tracing is on"),
            ],
        ]
    }

    /// What a reader may count on and a writer may leave out: docs/wire-format.md.
    private func envelope(_ definition: EventDefinition) -> JSONValue {
        func text(_ limit: Int64, _ description: String) -> JSONValue {
            ["type": "string", "maxLength": .integer(limit), "description": .string(description)]
        }
        let payload: JSONValue =
            definition.schema == nil ? ["type": "object"] : ["$ref": .string("#/components/schemas/\(definition.type.name)")]
        return [
            "type": "object", "required": ["payload"], "description": .string(definition.summary),
            "properties": [
                "id": text(128, "a UUID in what the mesh writes; absent, ce_id, else derived from the record"),
                "timestamp": ["type": "string", "format": "date-time", "description": "absent, the record's own"],
                "source": text(256, "the producer's name"), "destination": text(256, "informs only, never routes"),
                "type": ["type": "string", "const": .string(definition.type.name)],
                "version": ["type": "integer", "minimum": 0, "maximum": .integer(Int64(definition.version)), "default": 1],
                "payload": payload, "priority": ["type": "string", "enum": ["critical", "high", "medium", "low"], "default": "medium"],
                "correlation_id": text(128, "one for each workflow run"),
                "causation_id": text(128, "the id of the event that led to this one"),
                "ttl": ["type": "number", "description": "seconds after which the event is worth nothing"],
            ],
        ]
    }
}

/// Replaces references to `#/$defs/NAME` by what they mean: inside another document they would lead nowhere.
struct SchemaInliner {
    private let root: JSONValue
    /// References go no deeper in any schema that ends.
    private static let maximumDepth = 32

    init(_ root: JSONValue) { self.root = root }

    var inlined: JSONValue {
        guard case .object(var members) = root else { return root }
        members["$defs"] = nil
        members["$schema"] = nil
        members["$id"] = nil
        return inline(.object(members), depth: 0)
    }

    private func inline(_ schema: JSONValue, depth: Int) -> JSONValue {
        guard depth < Self.maximumDepth else { return true }
        switch schema {
        case .array(let items): return .array(items.map { inline($0, depth: depth) })
        case .object(var members):
            if let reference = members.removeValue(forKey: "$ref")?.string {
                let target = root["$defs"]?[String(reference.split(separator: "/").last ?? "")] ?? true
                // What stands beside the reference, e.g. a description, counts before what it names.
                guard case .object(let found) = inline(target, depth: depth + 1) else { return target }
                return .object(found.merging(members.mapValues { inline($0, depth: depth) }) { $1 })
            }
            return .object(members.mapValues { inline($0, depth: depth) })
        default: return schema
        }
    }
}
