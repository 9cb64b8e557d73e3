import Envelopes
import Testing

@testable import mesh

@Suite struct ReplicaOrdersTests {
    private func orders(_ records: ControlRecord...) -> ReplicaOrders {
        var wishes = Wishes()
        for record in records { wishes.records[record.key] = record }
        return ReplicaOrders(wishes)
    }

    private func told(_ changes: [(bot: String, replicas: Int?)]) -> [String] {
        changes.map { "\($0.bot)=\($0.replicas.map(String.init) ?? "keda")" }
    }

    @Test func whatIsWantedStandsAboveKEDAAndWhatIsNotIsItsOwn() {
        let orders = orders(
            ControlRecord(bot: "BuildBot", replicas: 5), ControlRecord(bot: "TestBot", state: .drained, replicas: 3),
            ControlRecord(bot: "DeployBot", logLevel: "debug"), ControlRecord(bot: "MonitorBot", replica: 2, state: .drained),
            ControlRecord(bot: "SecurityBot", state: .paused, replicas: 0), ControlRecord(bot: "BigBot", replicas: 1_000_000))
        #expect(
            told(orders.changes(since: nil)) == ["BigBot=64", "BuildBot=5", "DeployBot=keda", "SecurityBot=0", "TestBot=0"])
    }

    @Test func onlyChangesAreTold() {
        let before = orders(ControlRecord(bot: "A", replicas: 1), ControlRecord(bot: "B", replicas: 2), ControlRecord(bot: "C"))
        let now = orders(
            ControlRecord(bot: "A", replicas: 1), ControlRecord(bot: "B"), ControlRecord(bot: "C", replicas: 0), ControlRecord(bot: "D"))
        #expect(told(now.changes(since: before)) == ["B=keda", "C=0", "D=keda"])
        #expect(now.changes(since: now).isEmpty)
    }

    @Test func kubectlIsToldByAnnotation() {
        #expect(
            ReplicaOrders.arguments(bot: "BuildBot", replicas: 3, namespace: "ci") == [
                "--namespace", "ci", "annotate", "scaledobject", "buildbot", "autoscaling.keda.sh/paused-replicas=3", "--overwrite",
            ])
        #expect(
            ReplicaOrders.arguments(bot: "A", replicas: nil, namespace: "ci").contains("autoscaling.keda.sh/paused-replicas-"))
    }
}
