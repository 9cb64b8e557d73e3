import Kafka

/// The access rules of bots, in the forms that others take.
public enum AccessText {
    /// A shell script that calls Kafka's own `kafka-acls.sh`. `$BOOTSTRAP` and `$ADMIN_CONFIG` (a file of Java client properties) are whoever runs it to set.
    public static func kafkaACLs(_ bots: [BotAccess]) -> String {
        var text = """
            #!/bin/sh
            # What each bot may do, from the contracts. Adds what is missing; takes nothing away.
            set -eu
            acls() { kafka-acls.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN_CONFIG" --add "$@"; }

            """
        for bot in bots {
            text += "\n# \(bot.bot)\n"
            for group in groups(of: bot.rules) {
                let names = group.names.map { "    \(group.option) \(shell($0))" }
                let pattern = group.pattern == .prefixed ? " --resource-pattern-type prefixed" : ""
                let head = "acls --allow-principal \(shell(bot.principal)) --operation \(group.operation.kafkaName)\(pattern)"
                text += ([head] + names).joined(separator: " \\\n") + "\n"
            }
        }
        return text
    }

    /// Strimzi's `KafkaUser` for each bot. Its name is the bot's in lower case, as Kubernetes wants it, and so is the principal that it logs in as.
    public static func strimzi(_ bots: [BotAccess], cluster: String) -> String {
        bots.map { bot in
            """
            apiVersion: kafka.strimzi.io/v1
            kind: KafkaUser
            metadata:
              name: \(KubernetesName.of(bot.bot))
              labels:
                strimzi.io/cluster: \(YAMLWriter.string(cluster))
            spec:
              authentication:
                type: scram-sha-512
              authorization:
                type: simple
                acls:

            """ + resources(of: bot.rules).map(strimzi).joined()
        }.joined(separator: "---\n")
    }

    private struct Group {
        let option: String
        let pattern: AccessRule.Pattern
        let operation: AccessRule.Operation
        var names: [String]
    }

    /// Rules that differ in nothing but the name are one call.
    private static func groups(of rules: [AccessRule]) -> [Group] {
        var groups: [Group] = []
        for rule in rules {
            let option = rule.resource.option
            if let index = groups.firstIndex(where: { $0.option == option && $0.pattern == rule.pattern && $0.operation == rule.operation })
            {
                groups[index].names.append(rule.name)
            } else {
                groups.append(Group(option: option, pattern: rule.pattern, operation: rule.operation, names: [rule.name]))
            }
        }
        return groups
    }

    private struct Resource: Hashable {
        let kind: AccessRule.Resource
        let pattern: AccessRule.Pattern
        let name: String
    }

    /// Each resource once, in the order of the rules, with all that may be done to it.
    private static func resources(of rules: [AccessRule]) -> [(Resource, [AccessRule.Operation])] {
        var order: [Resource] = []
        var operations: [Resource: [AccessRule.Operation]] = [:]
        for rule in rules {
            let resource = Resource(kind: rule.resource, pattern: rule.pattern, name: rule.name)
            if operations[resource] == nil { order.append(resource) }
            operations[resource, default: []].append(rule.operation)
        }
        return order.map { ($0, operations[$0] ?? []) }
    }

    private static func strimzi(_ resource: Resource, _ operations: [AccessRule.Operation]) -> String {
        let pattern = resource.pattern == .prefixed ? "prefix" : "literal"
        return """
                  - resource: { type: \(resource.kind.strimziName), name: \(YAMLWriter.string(resource.name)), patternType: \(pattern) }
                    operations: [\(operations.map(\.kafkaName).joined(separator: ", "))]
                    host: "*"

            """
    }

    private static func shell(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "_-.:".utf8.contains(byte)
        }
        return isPlain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}

extension AccessRule.Resource {
    fileprivate var option: String {
        switch self {
        case .topic: "--topic"
        case .group: "--group"
        case .broker: "--cluster"
        case .transactionalID: "--transactional-id"
        }
    }

    fileprivate var strimziName: String {
        switch self {
        case .topic: "topic"
        case .group: "group"
        case .broker: "cluster"
        case .transactionalID: "transactionalId"
        }
    }

    /// As Kafka's tools and ours print it, e.g. `transactional-id`.
    public var text: String { String(option.dropFirst(2)) }
}

extension AccessRule.Operation {
    /// As Kafka's tools name it, e.g. `DescribeConfigs`.
    public var kafkaName: String { "\(self)".prefix(1).uppercased() + "\(self)".dropFirst() }
}

/// Names of Kubernetes objects: RFC 1123 subdomains.
enum KubernetesName {
    /// Lower case; every character that a name may not have becomes a dash.
    static func of(_ name: String) -> String {
        let mapped = name.lowercased().map { character in
            character.isASCII && (character.isLetter || character.isNumber) || character == "." ? character : "-"
        }
        return String(mapped)
    }
}
