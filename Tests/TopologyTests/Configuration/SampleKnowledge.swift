import BotKit
import Envelopes

@testable import Topology

/// A small mesh for tests: two built-in bots and a handful of event types.
enum Sample {
    static let knowledge = ConfigurationKnowledge(
        contracts: [
            Contract(
                name: "BuildBot", summary: "Builds.", consumes: ["code.committed"],
                produces: ["build.started", "build.completed", "build.failed"], steps: ["git.checkout", "artifact.pack"],
                permissions: [Permission(resource: "git-repository", actions: ["read"]), Permission(resource: "env.CI", actions: ["read"])]),
            Contract(
                name: "DeployBot", summary: "Deploys.", consumes: ["deploy.#"], produces: ["deploy.completed"],
                calls: ["deploy.switch", "probe.http"], steps: ["deploy.directory"]),
            Contract(
                name: "NotificationBot", summary: "Tells.", consumes: ["#"], produces: ["notification.sent"], steps: ["notify.console"]),
        ],
        events: [
            "code.committed": event(["anyone"], ["repository", "commit", "branch", "message"]),
            "build.completed": event(["BuildBot"], ["build_id", "branch", "artifact"]),
            "build.failed": event(["BuildBot"], ["build_id", "reason"]),
            "deploy.completed": event(["DeployBot"], ["environment"]),
            "lint.completed": ConfigurationKnowledge.KnownEvent(producers: ["LintBot"], payload: nil) { $0 == "LintBot" },
            "notification.requested": event(["anyone"], ["title", "text"], required: ["title"]),
            "schedule.fired": event(["anyone"], ["bot", "schedule", "fired_at"]),
        ])

    private static func event(_ producers: [String], _ fields: [String], required: [String] = []) -> ConfigurationKnowledge.KnownEvent {
        var properties = Dictionary(
            fields.map { ($0, JSONValue.object(["type": .string("string")])) }, uniquingKeysWith: { first, _ in first })
        if properties["artifact"] != nil { properties["artifact"] = .object(["$ref": .string("#/$defs/artifact")]) }
        let artifact = JSONValue.object(["type": .string("object"), "properties": .object(["url": .object(["type": .string("string")])])])
        let schema = JSONValue.object([
            "type": .string("object"), "properties": .object(properties), "required": .array(required.map { .string($0) }),
            "$defs": .object(["artifact": artifact]),
        ])
        return ConfigurationKnowledge.KnownEvent(producers: producers, payload: PayloadShape(schema: schema)) { name in
            producers.contains(name) || producers.contains("anyone")
        }
    }

    static func load(_ texts: [String: String], whole: Bool = false, variables: [String: String]? = nil) -> LoadedMesh {
        let sources = texts.sorted { $0.key < $1.key }.map { ConfigurationSource(.init(file: $0.key, bytes: Array($0.value.utf8))) }
        return ConfigurationLoader.load(sources, knowledge: knowledge, isWholeMesh: whole, variables: variables)
    }

    static func load(_ text: String, variables: [String: String]? = nil) -> LoadedMesh { load(["f.yaml": text], variables: variables) }

    /// A sound custom bot, with further lines.
    static func custom(_ name: String = "MyBot", _ more: String = "") -> String {
        """
        bot: { name: \(name) }
        triggers: [{ type: event, pattern: build.completed }]
        actions: [{ name: one, type: execute, command: "true" }]
        \(more)
        """
    }
}
