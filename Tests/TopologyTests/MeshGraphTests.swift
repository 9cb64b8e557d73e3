import BotKit
import Envelopes
import Testing

@testable import Topology

@Suite struct MeshGraphTests {
    private let catalogue = EventCatalogue([
        EventDefinition(type: "code.committed", owner: "mesh", producers: ["anyone"], schema: try? JSONSchema(.object([:]))),
        EventDefinition(type: "build.started", owner: "BuildBot"), EventDefinition(type: "build.completed", owner: "BuildBot"),
        EventDefinition(type: "build.failed", owner: "BuildBot"), EventDefinition(type: "build.cancelled", owner: "BuildBot"),
        EventDefinition(type: "build.log", kind: .log, owner: "BuildBot"), EventDefinition(type: "test.completed", owner: "TestBot"),
    ])

    private let contracts = [
        Contract(
            name: "BuildBot", summary: "", consumes: ["code.committed"],
            produces: ["build.started", "build.completed", "build.failed", "build.cancelled"]),
        Contract(name: "TestBot", summary: "", consumes: ["build.completed"], produces: ["test.completed"]),
        Contract(name: "NotificationBot", summary: "", consumes: ["build.*", "test.*"], produces: []),
    ]

    @Test func graphvizGetsTheSamePicture() {
        let dot = MeshGraph.dot(contracts, catalogue: catalogue)
        #expect(dot.hasPrefix("digraph mesh {\n") && dot.hasSuffix("\n}"))
        #expect(dot.contains("    people -> \"BuildBot\" [label=\"code.committed\"];\n"))
        #expect(dot.contains("    \"BuildBot\" -> \"NotificationBot\" [label=\"build.*\"];\n"))
        #expect(dot.contains("    \"TestBot\" -> \"mesh.dlq\" [style=dashed];\n"))
        #expect(dot.split(separator: "\n").filter { $0.contains("label=\"") && $0.contains("->") }.count == 4)
    }

    @Test func arrowsFollowTheContracts() {
        #expect(
            MeshGraph.mermaid(contracts, catalogue: catalogue) == """
                flowchart LR
                    people([people and hooks])
                    people -->|code.committed| BuildBot
                    BuildBot -->|build.completed| TestBot
                    BuildBot -->|build.*| NotificationBot
                    TestBot -->|test.completed| NotificationBot
                    mesh[(mesh.dlq)]
                    BuildBot & TestBot & NotificationBot -.->|what cannot be handled| mesh
                """)
    }

    @Test func aPatternDoesNotBringLogs() {
        let bot = Contract(name: "B", summary: "", consumes: ["build.*", "build.started"], produces: [])
        #expect(MeshGraph.consumed(by: bot, catalogue) == ["build.cancelled", "build.completed", "build.failed", "build.started"])
    }
}
