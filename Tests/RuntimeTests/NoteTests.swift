import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// The notes of what was settled other than done.
@Suite struct NoteTests {
    /// So many dead letters in one partition, above a record whose call is under way.
    private func behindAnOpenRecord(_ count: Int, _ limits: Limits) throws -> (Machine, AssignedPartition) {
        let machine = try Machine(WorkBot.self, partitions: 1, limits: limits)
        machine.restoreAll()
        try machine.send(Work(name: "open", number: 0, how: "call"))
        for number in 1...count { try machine.send(Work(name: "n\(number)", number: number, how: "poison")) }
        for _ in 0..<count + 100 {
            machine.deliver()
            machine.advance()
            machine.settle()
        }
        #expect(machine.dead.count == count && machine.calls.count == 1)
        return (machine, try #require(machine.engine.partitions[TopicPartition(Work.type.name, 0)]))
    }

    /// Below a record that was open for long they pile up; they go in portions, not all with the first that comes after it.
    @Test func notesThatPiledUpAreRemovedInPortions() throws {
        var limits = Limits()
        limits.dedupWindow = 10
        let (machine, partition) = try behindAnOpenRecord(1_000, limits)
        #expect(partition.notes.count == 1_000)
        machine.finishCall()
        machine.advance()
        machine.settle()
        var portions: [Int] = []
        for number in 0..<12 {
            try machine.send(Work(name: "later\(number)", number: number, how: "poison"))
            machine.deliver()
            machine.advance()
            let records = try #require(machine.settling).records.joined()
            portions.append(records.count { $0.topic == machine.settings.topics.state } - 1)
            machine.settle()
        }
        #expect(portions.allSatisfy { $0 <= 100 } && portions.reduce(0, +) > 900)
        #expect(partition.notes.count < 60)
        machine.runDry()
        machine.expectAllCommitted()
    }

    /// A run that is held for days: what lies above it by more than the window and all that may wait is not looked at by any restoration.
    @Test func notesAboveARecordThatIsOpenForLongAreBounded() throws {
        var limits = Limits()
        (limits.dedupWindow, limits.unsettledItems, limits.heldItems) = (10, 20, 20)
        let (machine, partition) = try behindAnOpenRecord(300, limits)
        #expect(partition.notes.count == 80 && partition.notes.last == machine.log.end(of: partition.topicPartition) - 1)
        let state = machine.log.restoration(
            of: partition.topicPartition, assignment: 1, bot: machine.bot, decoder: machine.engine.decoder, window: 10
        ).state
        #expect(state.notes == partition.notes)
        machine.finishCall()
        machine.runDry()
        machine.expectAllCommitted()
    }
}
