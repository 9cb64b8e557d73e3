import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import Terminal
import Topology

/// The mesh in the forms that others read: brokers' access rules, AsyncAPI, pictures.
enum DocumentCommands {
    static let all = [
        Command(
            "acl print", summary: "Print what the broker must let each bot do, as a script of kafka-acls.sh or as Strimzi's KafkaUsers",
            discussion: """
                The rules are those that mesh up --secure gives to the bots. Strimzi's users are named as the bots are, in lower case, and log in under that name.

                  mesh acl print --form kafka-acls > acls.sh
                  mesh acl print --form strimzi --cluster my-cluster | kubectl apply -f -
                """,
            json: "one object a rule: principal, resource, name, pattern, operation, permission, host",
            arguments: [Argument("BOT", .zeroOrMore, help: "only these bots; absent, all that are enabled")],
            flags: [
                Flag("form", value: "FORM", default: "kafka-acls", choices: ["kafka-acls", "strimzi"], help: "whose form"),
                ConfigurationFlags.cluster,
            ] + ConfigurationFlags.all + [.format], run: acl),
        Command(
            "asyncapi", summary: "Print the mesh as an AsyncAPI 3.0.0 document",
            discussion: """
                A channel for each topic, with the form of its records; an operation for each bot that reads or writes it. The server is what --brokers names.

                  mesh asyncapi > asyncapi.json
                """,
            flags: ConfigurationFlags.all + [ConfigurationFlags.replicas("3")], run: asyncAPI),
        Command(
            "graph", summary: "Print the picture of the mesh, drawn from the bots' contracts, as Mermaid or for Graphviz",
            discussion: """
                  mesh graph --format dot | dot -Tsvg > mesh.svg
                """,
            json: "one object an arrow: from (null: people and hooks), to, types",
            flags: [.format(["mermaid", "dot", "json"])] + ConfigurationFlags.all, run: graph),
    ]

    @Sendable private static func acl(_ invocation: Invocation) throws -> Int32 {
        let all = try invocation.plan().access()
        for name in invocation.arguments where !all.contains(where: { $0.bot == name }) {
            throw UsageError.unknown("enabled bot", name, among: all.map(\.bot))
        }
        let bots = all.filter { invocation.arguments.isEmpty || invocation.arguments.contains($0.bot) }
        let output = Output(invocation)
        if output.format == .json {
            for rule in bots.flatMap(\.rules) { try output.object(AccessRuleObject(rule)) }
            return 0
        }
        let text =
            invocation["form"] == "strimzi"
            ? AccessText.strimzi(bots, cluster: try invocation.cluster()) : AccessText.kafkaACLs(bots)
        Terminal.write(text, to: STDOUT_FILENO)
        return 0
    }

    @Sendable private static func asyncAPI(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let server = try invocation.givenSettings()?.bootstrapServers.split(separator: ",").first.map(String.init)
        let document = AsyncAPIDocument(
            contracts: try plan.contracts(), catalogue: plan.catalogue, bots: plan.topicOwners, server: server ?? "localhost:9092",
            replicas: try invocation.integer("replicas", in: 1...32) ?? 3, version: Mesh.version)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.write(String(decoding: try encoder.encode(document.json), as: UTF8.self) + "\n", to: STDOUT_FILENO)
        return 0
    }

    @Sendable private static func graph(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let contracts = try plan.contracts()
        let output = Output(invocation)
        switch invocation["format"] {
        case "dot": output.line(MeshGraph.dot(contracts, catalogue: plan.catalogue))
        case "json": for edge in MeshGraph.edges(contracts, catalogue: plan.catalogue) { try output.object(EdgeObject(edge)) }
        default: output.line(MeshGraph.mermaid(contracts, catalogue: plan.catalogue))
        }
        return 0
    }
}

extension Invocation {
    /// Strimzi's name of the cluster: a name of Kubernetes.
    func cluster() throws -> String { try kubernetesName("cluster") }

    /// A flag whose value is a label of RFC 1123.
    func kubernetesName(_ flag: String) throws -> String {
        let name = self[flag] ?? "mesh"
        let isName = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
        }
        guard isName, (1...63).contains(name.utf8.count), !name.hasPrefix("-"), !name.hasSuffix("-") else {
            throw UsageError("--\(flag) takes a name of lower-case letters, digits and dashes, not '\(name.printable)'")
        }
        return name
    }
}

/// The JSON form of an access rule.
private struct AccessRuleObject: Encodable {
    let principal, resource, name, pattern, operation, permission, host: String

    init(_ rule: AccessRule) {
        principal = rule.principal
        resource = rule.resource.text
        name = rule.name
        pattern = "\(rule.pattern)"
        operation = rule.operation.kafkaName
        permission = "\(rule.permission)"
        host = rule.host
    }
}

/// The JSON form of an arrow.
private struct EdgeObject: Encodable {
    let from: String?
    let to: String
    let types: [String]

    init(_ edge: MeshGraph.Edge) {
        from = edge.producer
        to = edge.consumer
        types = edge.types.map(\.name)
    }

    enum CodingKeys: CodingKey { case from, to, types }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(from, forKey: .from)
        try container.encode(to, forKey: .to)
        try container.encode(types, forKey: .types)
    }
}
