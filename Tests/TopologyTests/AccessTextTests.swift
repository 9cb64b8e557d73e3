import BotKit
import Envelopes
import Kafka
import Testing
import YAMLText

@testable import Topology

@Suite struct AccessTextTests {
    private func access() throws -> BotAccess {
        let catalogue = EventCatalogue(
            [EventDefinition(type: "code.committed", owner: "mesh"), EventDefinition(type: "build.completed", owner: "Build_Bot")],
            botTopics: [
                EventCatalogue.BotTopic(
                    prefix: "retry.", isForStatefulOnly: false, definition: EventDefinition(type: "retry.<bot>", owner: "mesh"))
            ])
        let contract = Contract(name: "Build_Bot", summary: "", consumes: ["code.committed"], produces: ["build.completed"])
        return try BotAccess(contract: contract, configuration: BotConfiguration(name: "Build_Bot"), catalogue: catalogue)
    }

    @Test func rulesThatDifferOnlyInTheNameAreOneCall() throws {
        let script = AccessText.kafkaACLs([try access()])
        #expect(
            script.contains(
                """
                # Build_Bot
                acls --allow-principal User:Build_Bot --operation Read \\
                    --topic code.committed \\
                    --topic mesh.audit \\
                    --topic mesh.control \\
                    --topic retry.build_bot
                acls --allow-principal User:Build_Bot --operation Write \\

                """))
        #expect(
            script.hasSuffix(
                """
                acls --allow-principal User:Build_Bot --operation Write --resource-pattern-type prefixed \\
                    --transactional-id mesh-Build_Bot-

                """))
    }

    /// Both forms name each rule once, and none beside.
    @Test func strimziHasTheSameRules() throws {
        let access = try access()
        let text = AccessText.strimzi([access, access], cluster: "yes")
        let documents = text.split(separator: "---\n")
        try #require(documents.count == 2)
        let (node, errors) = YAML.read(bytes: Array(documents[0].utf8), file: "user.yaml")
        #expect(errors.isEmpty)
        let user = try #require(node?.json)
        #expect(user["metadata"]?["name"] == "build-bot")
        #expect(user["metadata"]?["labels"]?["strimzi.io/cluster"] == "yes", "a text, not a truth value")
        var rules: Set<AccessRule> = []
        for acl in user["spec"]?["authorization"]?["acls"]?.array ?? [] {
            let resource = try #require(acl["resource"])
            let kinds: [String: AccessRule.Resource] = ["topic": .topic, "group": .group, "transactionalId": .transactionalID]
            for operation in acl["operations"]?.array ?? [] {
                let inserted = rules.insert(
                    AccessRule(
                        resource: try #require(kinds[resource["type"]?.string ?? ""]), name: resource["name"]?.string ?? "",
                        pattern: resource["patternType"] == "prefix" ? .prefixed : .literal, principal: access.principal,
                        host: acl["host"]?.string ?? "", operation: operation == "Read" ? .read : .write))
                #expect(inserted.inserted)
            }
        }
        #expect(rules == Set(access.rules))
    }

    @Test func topicsBecomeManifests() throws {
        let catalogue = EventCatalogue([
            EventDefinition(type: "build.cancel_requested", owner: "mesh", partitions: 3, retention: .seconds(3600)),
            EventDefinition(type: "mesh.control", owner: "mesh", partitions: 1, cleanup: .compact),
        ])
        let documents = catalogue.strimziTopics(bots: [], cluster: "mesh", replicas: 3).split(separator: "---\n")
        try #require(documents.count == 2)
        let topic = try #require(YAML.read(bytes: Array(documents[0].utf8), file: "t").0?.json)
        #expect(topic["kind"] == "KafkaTopic" && topic["metadata"]?["name"] == "build.cancel-requested")
        #expect(topic["spec"]?["topicName"] == "build.cancel_requested")
        #expect(topic["spec"]?["partitions"] == 3 && topic["spec"]?["replicas"] == 3)
        #expect(topic["spec"]?["config"]?["retention.ms"]?.integer == 3_600_000 || topic["spec"]?["config"]?["retention.ms"] == "3600000")
        #expect(topic["spec"]?["config"]?["min.insync.replicas"] != nil)
    }

    @Test func referencesBecomeWhatTheyMean() throws {
        let schema: JSONValue = [
            "type": "object", "$schema": "x",
            "properties": ["a": ["$ref": "#/$defs/a", "description": "mine"], "b": ["type": "array", "items": ["$ref": "#/$defs/b"]]],
            "$defs": ["a": ["type": "string", "description": "theirs"], "b": ["$ref": "#/$defs/a"]],
        ]
        #expect(
            SchemaInliner(schema).inlined == [
                "type": "object",
                "properties": [
                    "a": ["type": "string", "description": "mine"],
                    "b": ["type": "array", "items": ["type": "string", "description": "theirs"]],
                ],
            ])
        // A schema that refers to itself ends.
        let endless: JSONValue = ["$ref": "#/$defs/n", "$defs": ["n": ["properties": ["next": ["$ref": "#/$defs/n"]]]]]
        #expect(SchemaInliner(endless).inlined["properties"]?["next"]?["properties"] != nil)
    }
}
