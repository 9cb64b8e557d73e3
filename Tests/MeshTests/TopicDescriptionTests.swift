import BotKit
import Envelopes
import FoundationEssentials
import Kafka
import Terminal
import Testing

@testable import Topology
@testable import mesh

@Suite struct TopicDescriptionTests {
    private let definition = EventDefinition(
        type: "build.completed", summary: "A build ended well.", owner: "BuildBot", retention: .seconds(86_400), key: "repository",
        schema: try? JSONSchema(["type": "object", "required": ["b"], "properties": ["a": ["type": "string"], "b": ["type": "string"]]]),
        fields: ["a", "b"])

    private func description(_ partitions: [TopicDescription.Partition]?, steps: [TopicPlan.Step] = []) -> TopicDescription {
        TopicDescription(
            topic: "build.completed", definition: definition,
            contracts: [
                Contract(name: "TestBot", summary: "", consumes: ["build.*"], produces: []),
                Contract(name: "DeployBot", summary: "", consumes: ["test.*"], produces: []),
                Contract(
                    name: "StopBot", summary: "", consumes: [], produces: [],
                    cancels: [CancelSignal(type: "build.completed", runField: "a")]),
            ], catalogue: EventCatalogue([definition]), partitions: partitions, steps: steps)
    }

    private func text(_ description: TopicDescription) -> String {
        description.lines(style: Style(isColoured: false), width: 80, retention: "1d").joined(separator: "\n")
    }

    @Test func bothSidesAreShown() {
        let partition = TopicDescription.Partition(partition: 0, leader: 1, replicas: [1, 2], inSync: [1], first: 5, end: 12_345)
        let unknown = TopicDescription.Partition(partition: 1, leader: -1, replicas: [1, 2], inSync: [], first: nil, end: nil)
        let shown = description([partition, unknown])
        #expect(
            text(shown) == """
                build.completed  A build ended well.
                  owner        BuildBot
                  producers    BuildBot
                  consumers    TestBot, StopBot
                  key          repository
                  kept         1d
                  record size  at most 1.00 MiB
                  version      1
                  required     b
                  optional     a
                """)
        // What is not known is never a number.
        #expect(shown.rows == [["0", "1", "1,2", "1", "5", "12345", "12,340"], ["1", "none", "1,2", "", "?", "?", "?"]])
    }

    @Test func whatIsMissingOrDiffersIsSaidWithItsMending() {
        #expect(text(description(nil)).hasSuffix("the broker has no such topic. Make it: mesh topics apply"))
        let steps: [TopicPlan.Step] = [
            .addPartitions(topic: "build.completed", before: 3, after: 6),
            .change(topic: "build.completed", [TopicPlan.Change(setting: "retention.ms", before: "1", after: "2")]),
        ]
        #expect(
            text(description([], steps: steps)).hasSuffix(
                """
                differs: partitions is 3, wanted is 6
                differs: retention.ms is 1, wanted is 2
                Mend it: mesh topics apply (mesh topics diff shows what it would do)
                """))
    }

    @Test func theJSONFormIsStable() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func text(_ value: some Encodable) throws -> String { String(decoding: try encoder.encode(value), as: UTF8.self) }
        #expect(
            try text(TopicObject(EventDefinition(type: "a.b", owner: "ABot", cleanup: .compact)))
                == #"{"cleanup":"compact","key":"","kind":"event","max_bytes":1048576,"owner":"ABot","partitions":6,"producers":["ABot"],"#
                + #""retention_seconds":null,"summary":"","topic":"a.b","version":1}"#)
        #expect(
            try text(TopicStepObject(.delete(topic: "a.b", partitions: 3)))
                == #"{"action":"delete","loses_records":true,"partitions_before":3,"topic":"a.b"}"#)
        #expect(
            try text(TopicStepObject(.shrink(before: 9, NewTopic(name: "a.b", partitions: 6))))
                == #"{"action":"shrink","loses_records":true,"partitions_after":6,"partitions_before":9,"topic":"a.b"}"#)
        #expect(
            try text(TopicStepObject(.change(topic: "a.b", [TopicPlan.Change(setting: "s", before: "1", after: "2")])))
                == #"{"action":"change","changes":[{"after":"2","before":"1","setting":"s"}],"loses_records":false,"topic":"a.b"}"#)
    }
}
