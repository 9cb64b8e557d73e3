import Envelopes
import Kafka
import LocalBroker
import MeshTesting
import Testing

@testable import Topology

/// Plans carried out on a real broker.
@Suite struct TopicApplierTests {
    private func catalogue(_ domain: String, partitions: Int, hours: Int64, names: [String] = ["a", "b"]) -> EventCatalogue {
        EventCatalogue(
            names.map {
                EventDefinition(
                    type: EventType("\(domain).\($0)"), summary: "Test.", owner: "BuildBot", producers: [], partitions: partitions,
                    retention: .seconds(hours * 3600))
            })
    }

    private func withApplier<Value: Sendable>(
        _ settings: ClientSettings, _ body: @escaping @Sendable (TopicApplier) throws -> Value
    ) async throws -> Value {
        try await DedicatedThread.run(name: "topics") {
            let admin = try AdminClient(settings)
            defer { admin.close() }
            return try body(TopicApplier(admin))
        }
    }

    @Test func aBrokerIsMadeToMatchAndLosesNothingUnlessForced() async throws {
        let broker = try await BrokerFixture.shared()
        let domain = broker.uniqueName("plan")
        let first = catalogue(domain, partitions: 2, hours: 1)
        let larger = catalogue(domain, partitions: 3, hours: 2)
        let smaller = catalogue(domain, partitions: 1, hours: 2, names: ["a"])
        try await withApplier(broker.settings) { applier in
            let creation = try applier.plan(first, bots: [])
            #expect(creation.steps.count == 2)
            #expect(try applier.apply(creation).count == 2)
            #expect(try applier.plan(first, bots: []).isEmpty)

            let growth = try applier.plan(larger, bots: [])
            #expect(growth.steps.count == 4)
            try applier.apply(growth)
            #expect(try applier.plan(larger, bots: []).isEmpty)

            let loss = try applier.plan(smaller, bots: [])
            #expect(loss.steps.count == 2)
            #expect(try applier.apply(loss) == [])
            #expect(try applier.plan(smaller, bots: []) == loss)
            #expect(try applier.apply(loss, force: true).count == 2)
        }
        try await eventually(within: .seconds(60)) {
            try await withApplier(broker.settings) { try $0.plan(smaller, bots: []).isEmpty }
        }
    }

    @Test func theShippedCatalogueFitsABroker() async throws {
        let catalogue = try CatalogueLoader.load(directory: "\(packageRoot)/topics")
        let broker = try await DedicatedThread.run(name: "broker") { try BrokerFixture.makeLocal() }
        let bots = [(name: "BuildBot", isStateful: false), (name: "DeployBot", isStateful: true)]
        try await withApplier(ClientSettings(bootstrapServers: broker.bootstrapServers)) { applier in
            let plan = try applier.plan(catalogue, bots: bots)
            #expect(plan.steps.count == catalogue.definitions.count + 5)
            try applier.apply(plan)
            let after = try applier.plan(catalogue, bots: bots)
            #expect(after.isEmpty, "\(after.text)")
            #expect(after.warnings == [])
        }
        broker.kill()
    }

    private var packageRoot: String { #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") }
}
