import BotKit
import Bots
import Calls
import Envelopes
import Testing
import Topology

/// What each bot's contract says is what its types can do, what the catalogue allows, and what this machine can perform.
@Suite struct BotContractTests {
    private func contracts() -> [Contract] { BotRegistry.all.map { $0.contract } }

    @Test func outputsAndCallsAreThoseOfTheContract() {
        func check<B: Bot>(_: B.Type) {
            let contract = B.contract
            #expect(Set(B.Output.types) == Set(contract.produces), "\(contract.name): outputs")
            #expect(B.Output.types.count == Set(B.Output.types).count, "\(contract.name): an output twice")
            #expect(Set(B.Call.kinds) == Set(contract.calls), "\(contract.name): calls")
            #expect(!contract.summary.isEmpty && !contract.never.isEmpty, "\(contract.name): a summary, and what it never does")
        }
        for bot in BotRegistry.all { check(bot) }
    }

    @Test func theSixBotsAreThere() {
        let names: Set = ["BuildBot", "TestBot", "SecurityBot", "DeployBot", "MonitorBot", "NotificationBot"]
        #expect(names.isSubset(of: contracts().map(\.name)))
    }

    @Test func namesAreUnique() {
        let names = contracts().map { $0.name.lowercased() }
        #expect(names.count == Set(names).count)
    }

    @Test func whatABotConsumesExists() throws {
        let catalogue = try Shipped.catalogue.get()
        for contract in contracts() {
            for type in contract.consumes + contract.cancels.map(\.type) {
                let pattern = try EventPattern(parsing: type.name)
                if pattern.isWild {
                    #expect(catalogue.types.contains(where: pattern.matches), "\(contract.name) consumes \(type), which matches nothing")
                } else {
                    #expect(catalogue[type]?.kind == .event, "\(contract.name) consumes \(type), which topics/ does not have as an event")
                }
            }
        }
    }

    @Test func aCancelSignalNamesAFieldOfItsEvent() throws {
        let catalogue = try Shipped.catalogue.get()
        for contract in contracts() {
            for signal in contract.cancels {
                #expect(
                    catalogue[signal.type]?.fields.contains(signal.runField) == true,
                    "\(contract.name): \(signal.type) has no \(signal.runField)")
            }
        }
    }

    @Test func whatABotProducesIsDescribedAndAllowed() throws {
        let catalogue = try Shipped.catalogue.get()
        for contract in contracts() {
            for type in contract.produces {
                let definition = try #require(catalogue[type], "\(contract.name) produces \(type), which topics/ does not have")
                #expect(definition.schema != nil, "\(contract.name) produces \(type), which has no schema")
                #expect(
                    definition.mayBeProduced(byBot: contract.name), "\(contract.name) may not produce \(type): it is \(definition.owner)'s")
            }
        }
    }

    @Test func everyCallHasAPerformer() async throws {
        let sandbox = await Sandbox.detect(environment: [:])
        for contract in contracts() {
            let performers = Set(
                try CallPerformers.standard(
                    dataDirectory: "/nonexistent", sandbox: sandbox, configuration: BotConfiguration(name: contract.name), environment: [:]
                ).kinds)
            for kind in contract.calls { #expect(performers.contains(kind), "\(contract.name) asks for \(kind), which nobody performs") }
        }
    }
}
