import Envelopes
import Kafka
import Testing

@testable import Topology

@Suite struct TopicPlanTests {
    private func wanted(_ name: String, partitions: Int = 3, cleanup: EventDefinition.Cleanup = .delete) -> EventDefinition {
        EventDefinition(
            type: EventType(name), summary: "", owner: "BuildBot", producers: [], partitions: partitions, retention: .seconds(3600),
            cleanup: cleanup)
    }

    private let settled = ["cleanup.policy": "delete", "retention.ms": "3600000", "max.message.bytes": "1048576", "segment.bytes": "1"]

    private func plan(_ wanted: [EventDefinition], _ existing: [String: TopicPlan.Existing], replicas: Int = 1) -> TopicPlan {
        TopicPlan(wanted: wanted, existing: existing, replicas: replicas, ownedPrefixes: ["build."])
    }

    @Test func aMissingTopicIsCreatedWithAllThatTheCatalogueSays() {
        let plan = plan([wanted("build.b"), wanted("build.a", cleanup: .compact)], [:])
        #expect(
            plan.steps == [
                .create(
                    NewTopic(
                        name: "build.a", partitions: 3, replicas: 1,
                        configuration: ["cleanup.policy": "compact", "max.message.bytes": "1048576"])),
                .create(
                    NewTopic(
                        name: "build.b", partitions: 3, replicas: 1,
                        configuration: ["cleanup.policy": "delete", "max.message.bytes": "1048576", "retention.ms": "3600000"])),
            ])
        #expect(plan.text.contains("+ build.a"))
    }

    @Test func whatIsCompactedAndWrittenWithoutEndHasSmallSegments() {
        let steps = plan([wanted("build.a", cleanup: .compactAndDelete)], [:]).steps
        guard case .create(let topic)? = steps.first else {
            Issue.record("nothing is created")
            return
        }
        #expect(topic.configuration["segment.bytes"] == "4194304")
        #expect(topic.configuration["retention.ms"] == "3600000")
    }

    @Test func severalBrokersKeepTwoCopies() {
        guard case .create(let topic)? = plan([wanted("build.a")], [:], replicas: 3).steps.first else {
            Issue.record("nothing is created")
            return
        }
        #expect(topic.replicas == 3)
        #expect(topic.configuration["min.insync.replicas"] == "2")
    }

    @Test func aTopicThatIsRightNeedsNothing() {
        let plan = plan([wanted("build.a")], ["build.a": .init(partitions: 3, settings: settled)])
        #expect(plan.isEmpty)
        #expect(plan.text == "the broker's topics are those of the catalogue")
    }

    @Test func theOrderOfPoliciesDoesNotMatter() {
        var settings = settled
        settings["cleanup.policy"] = "delete, compact"
        settings["segment.bytes"] = "4194304"
        let plan = plan([wanted("build.a", cleanup: .compactAndDelete)], ["build.a": .init(partitions: 3, settings: settings)])
        #expect(plan.isEmpty)
    }

    @Test func partitionsAreAddedAndSettingsChanged() {
        var settings = settled
        settings["retention.ms"] = "1"
        let plan = plan([wanted("build.a")], ["build.a": .init(partitions: 1, settings: settings)])
        #expect(
            plan.steps == [
                .addPartitions(topic: "build.a", before: 1, after: 3),
                .change(topic: "build.a", [TopicPlan.Change(setting: "retention.ms", before: "1", after: "3600000")]),
            ])
        #expect(!plan.steps.contains { $0.needsForce })
        #expect(plan.text.contains("retention.ms 1 -> 3600000"))
    }

    @Test func whatLosesRecordsIsMarked() {
        let plan = plan(
            [wanted("build.a")],
            ["build.a": .init(partitions: 9, settings: settled), "build.old": .init(partitions: 2), "foreign.topic": .init(partitions: 1)])
        #expect(plan.steps.map(\.topic) == ["build.a", "build.old"])
        #expect(plan.steps.allSatisfy { $0.needsForce })
        #expect(plan.text.contains("! build.old"))
        #expect(plan.text.hasSuffix("lines with ! lose records, or what a bot keeps, and are done only with --force"))
        #expect(!plan.text.contains("foreign"))
    }

    /// An aggregate's state lies where the count of partitions puts its key, and a journal beside that of its input.
    @Test(arguments: ["state.deploybot", "inbox.deploybot"]) func moreOfWhatPlacesAStateIsDoneOnlyByForce(_ name: String) {
        let plan = plan([wanted(name), wanted("retry.deploybot")], [name: .init(partitions: 1), "retry.deploybot": .init(partitions: 1)])
        #expect(plan.steps.filter(\.needsForce).map(\.topic) == [name])
        #expect(plan.text.contains("! \(name)") && plan.text.contains("~ retry.deploybot"))
        #expect(plan.text.contains("lines with ! lose records, or what a bot keeps, and are done only with --force"))
        #expect(plan.text.contains("to keep what a bot knows, give its topics in topics/ the partitions that the broker has"))
    }

    @Test func aBrokerThatDoesNotTellASettingIsLeftWithAWarning() {
        let plan = plan(
            [wanted("build.a"), wanted("build.b")],
            ["build.a": .init(partitions: 3), "build.b": .init(partitions: 3, settings: ["retention.ms": "3600000"])])
        #expect(plan.steps.isEmpty)
        #expect(plan.warnings.count == 3)
        #expect(plan.warnings.contains("the broker does not tell cleanup.policy of 2 topics; it is left as it is"))
    }

    @Test func howLongRecordsAreKeptIsSaidInWords() {
        #expect(wanted("build.a").retentionText == "1h")
        #expect(wanted("build.b", cleanup: .compact).retentionText == "compacted")
    }

    /// Which replica ticks goes by how many partitions it found.
    @Test func whoHasSchedulesIsToldToEndBeforeTheirTopicGrows() {
        func text(_ topic: String) -> String { plan([wanted(topic)], [topic: TopicPlan.Existing(partitions: 1, settings: settled)]).text }
        #expect(text("schedule.fired").contains("end all bots with schedules first"))
        #expect(!text("build.a").contains("schedules"))
    }
}
