import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

@Suite struct EngineStepsTests {
    @Test func aTransientRejectionIsTriedAgain() throws {
        let machine = try Machine(WorkBot.self)
        try machine.send(Work(name: "a", number: 4, how: "flaky"))
        machine.runDry()
        #expect(machine.entries.count == 2)
        #expect(try machine.events(WorkDone.self).count == 1)
    }
}
