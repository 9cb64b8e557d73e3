import BotKit
import Envelopes
import Testing
import Topology

@Suite struct ContractCheckTests {
    private let catalogue = EventCatalogue([
        EventDefinition(type: "code.committed", owner: "mesh", producers: ["anyone"]),
        EventDefinition(type: "build.cancel_requested", owner: "mesh", producers: ["anyone"], fields: ["build_id"]),
        EventDefinition(type: "build.completed", owner: "BuildBot"), EventDefinition(type: "build.log", kind: .log, owner: "BuildBot"),
        EventDefinition(type: "test.completed", owner: "TestBot"),
    ])

    private func findings(_ contracts: Contract...) -> [String] {
        ContractCheck(contracts: contracts, catalogue: catalogue, performed: ["git.run"]).findings.map(\.description)
    }

    private let build = Contract(
        name: "BuildBot", summary: "", consumes: ["code.committed"], produces: ["build.completed", "build.log"], calls: ["git.run"],
        cancels: [CancelSignal(type: "build.cancel_requested", runField: "build_id")])

    @Test func aSoundMeshHasNoFindings() {
        #expect(findings(build, Contract(name: "TestBot", summary: "", consumes: ["build.*"], produces: ["test.completed"])).isEmpty)
    }

    @Test func everyMisfitIsNamed() {
        let bad = Contract(
            name: "BadBot", summary: "", consumes: ["build.complete", "deploy.*", "build..x", "build.log", "test.completed"],
            produces: ["build.completed", "bad.done"], calls: ["git.run", "rocket.launch"],
            cancels: [CancelSignal(type: "build.cancel_requested", runField: "bild_id"), CancelSignal(type: "no.such", runField: "x")])
        #expect(
            findings(build, bad) == [
                "BadBot: consumes build.complete, which topics/ does not have as an event; did you mean 'build.completed'?",
                "BadBot: consumes deploy.*, which matches no event", "BadBot: consumes 'build..x', which is no pattern",
                "BadBot: consumes build.log, which topics/ does not have as an event",
                "BadBot: is cancelled by build.cancel_requested, which has no field bild_id",
                "BadBot: is cancelled by no.such, which topics/ does not have as an event",
                "BadBot: produces build.completed, which only BuildBot may",
                "BadBot: produces bad.done, which topics/ does not have as an event", "BadBot: calls rocket.launch, which nobody performs",
                "BadBot: warning: consumes test.completed, which nobody in this mesh produces (it is TestBot's)",
            ])
    }
}
