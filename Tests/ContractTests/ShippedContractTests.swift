import BotKit
import Bots
import Envelopes
import Testing
import Topology

/// What `mesh contract check` says of the bots that are shipped.
@Suite struct ShippedContractTests {
    /// NotificationBot can also tell of what bots to come will produce.
    @Test func nothingIsFoundButWhatBotsToComeWillProduce() throws {
        let check = ContractCheck(contracts: BotRegistry.all.map { $0.contract }, catalogue: try Shipped.catalogue.get())
        let findings = check.findings.filter { $0.severity == .error || $0.bot != "NotificationBot" }
        #expect(findings.isEmpty, "\(findings.map(\.description))")
    }

    /// Names of Kubernetes objects are lower case and have no underscore: no two topics may become one.
    @Test func manifestsHaveNamesOfTheirOwn() throws {
        let bots = BotRegistry.all.map { (name: $0.contract.name, isStateful: $0.hasState) }
        let text = try Shipped.catalogue.get().strimziTopics(bots: bots, cluster: "mesh", replicas: 3)
        let names = text.split(separator: "\n").filter { $0.hasPrefix("  name: ") }
        #expect(names.count > 90)
        #expect(Set(names).count == names.count)
    }
}
