import BotKit
import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

/// A log that is cut, or made anew, while it is read: what is written up to the old position is new, and nobody but the one who read there can know it.
@Suite struct LogCutTests {
    private let partition = TopicPartition(Work.type.name, 0)

    /// So many records stay, and so many are written before anybody looks: fewer than were lost, and more.
    @Test(arguments: DeliveryMode.allCases, [(15, 2), (15, 20), (0, 3), (0, 25)])
    func whatIsWrittenUpToTheOldPositionIsHandled(_ delivery: DeliveryMode, _ scene: (kept: Int, new: Int)) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: "plain")) }
        machine.runDry()
        machine.lookForCuts()
        let records = machine.log.records(of: Work.type.name)
        machine.log.cut(partition, to: scene.kept == 0 ? 0 : records[scene.kept].offset)
        // The client asks for what is not there.
        machine.deliver()
        for number in 0..<scene.new { try machine.send(Work(name: "new-\(number)", number: number, how: "call")) }
        for _ in 0..<5 {
            machine.runDry()
            machine.lookForCuts()
        }
        machine.runDry()
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).count == 20 + scene.new && names.count == 20 + scene.new, "\(names)")
        #expect(machine.dead.isEmpty)
        #expect(machine.restoredAnew == 1)
        machine.expectAllCommitted()
        // Whoever comes after it has nothing to be told.
        try machine.crash()
        machine.restoreAll()
        #expect(machine.engine.partitions[partition]?.ledger.watermark == machine.log.end(of: partition))
    }

    /// Twenty records are done, the log is made anew, and three are written before anybody looks.
    private func madeAnew(_ delivery: DeliveryMode, isNoticed: Bool) throws -> Machine {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: "plain")) }
        machine.runDry()
        machine.log.cut(partition, to: 0)
        machine.deliver()
        for number in 0..<3 { try machine.send(Work(name: "new-\(number)", number: number, how: "plain")) }
        machine.runDry()
        if isNoticed { machine.lookForCuts() }
        #expect(machine.restoredAnew == (isNoticed ? 1 : 0) && machine.engine.partitions[partition]?.isCut == true)
        return machine
    }

    private func expectAllDone(_ machine: Machine) throws {
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).count == 23 && names.count == 23, "\(names)")
        #expect(machine.restoredAnew == 1)
        machine.expectAllCommitted()
    }

    /// Whoever has the partition next would take the end of what was written meanwhile for the end of what was read.
    @Test(arguments: DeliveryMode.allCases, [false, true])
    func whatWasSeenToBeCutIsBegunAnewBeforeItIsGivenUp(_ delivery: DeliveryMode, isNoticed: Bool) throws {
        let machine = try madeAnew(delivery, isNoticed: isNoticed)
        machine.engine.leaving([partition])
        for _ in 0..<20 where !machine.engine.isQuiet([partition]) {
            machine.lookForCuts()
            machine.restore()
            machine.advance()
            machine.settle()
        }
        #expect(machine.engine.isQuiet([partition]))
        machine.giveUp([partition])
        machine.own([partition])
        machine.runDry()
        try expectAllDone(machine)
    }

    @Test(arguments: DeliveryMode.allCases, [false, true])
    func whatWasSeenToBeCutIsBegunAnewBeforeTheEnd(_ delivery: DeliveryMode, isNoticed: Bool) throws {
        let machine = try madeAnew(delivery, isNoticed: isNoticed)
        machine.engine.drain(at: machine.moment)
        for _ in 0..<20 where !machine.hasFinished {
            machine.advance()
            machine.settle()
            machine.lookForCuts()
            machine.restore()
        }
        #expect(machine.hasFinished)
        try machine.crash()
        machine.runDry()
        try expectAllDone(machine)
    }

    /// The next owner does not have the window that knows what was done.
    @Test(arguments: DeliveryMode.allCases, [false, true])
    func whatWasDoneBeforeACutIsKnownToTheNextOwner(_ delivery: DeliveryMode, isOrderly: Bool) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: number == 10 ? "poison" : "plain")) }
        machine.runDry()
        machine.log.cut(partition, to: machine.log.records(of: Work.type.name)[15].offset)
        for number in 0..<2 { try machine.send(Work(name: "new-\(number)", number: number, how: "plain")) }
        for _ in 0..<3 { machine.lookForCuts() }
        #expect(machine.restoredAnew == 1)
        machine.restoreAll()
        machine.pass(1_000)
        if isOrderly { machine.engine.leaving([partition]) }
        machine.advance()
        machine.settle()
        if isOrderly {
            #expect(machine.engine.isQuiet([partition]))
            machine.giveUp([partition])
            machine.own([partition])
        } else {
            try machine.crash()
        }
        machine.runDry()
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).count == 19 + 2 && names.count == 19 + 2, "\(names)")
        #expect(machine.dead.count == 2, "what was not done is handled again")
        machine.expectAllCommitted()
    }

    /// A record is open for long, and more was done behind it than the window knows.
    @Test(arguments: DeliveryMode.allCases, [false, true])
    func whatWasDoneFarBehindAnOpenRecordIsNotDoneAgain(_ delivery: DeliveryMode, crashes: Bool) throws {
        var limits = Limits()
        limits.dedupWindow = 10
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery, limits: limits)
        for number in 0..<60 { try machine.send(Work(name: "old-\(number)", number: number, how: number == 0 ? "call" : "plain")) }
        for _ in 0..<200 {
            machine.step()
            machine.pass(10)
        }
        let records = machine.log.records(of: Work.type.name)
        #expect(machine.log.committed[partition]?.offset == records[0].offset && machine.calls.count == 1)
        machine.log.cut(partition, to: records[55].offset)
        for number in 0..<2 { try machine.send(Work(name: "new-\(number)", number: number, how: "plain")) }
        for _ in 0..<3 { machine.lookForCuts() }
        #expect(machine.restoredAnew == 1)
        machine.restoreAll()
        machine.advance()
        machine.settle()
        if crashes { try machine.crash() }
        machine.runDry()
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).count == 62 && names.count == 62, "\(names)")
        machine.expectAllCommitted()
    }

    /// It began at the end of its log, which was made anew before a record came.
    @Test(arguments: DeliveryMode.allCases) func whatIsMadeAnewBeforeARecordCameIsHandled(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: "plain")) }
        machine.runDry()
        try machine.crash()
        machine.tellEnds()
        machine.restoreAll()
        machine.tellEnds()
        machine.log.cut(partition, to: 0)
        machine.deliver()
        for number in 0..<30 { try machine.send(Work(name: "new-\(number)", number: number, how: "plain")) }
        for _ in 0..<5 {
            machine.runDry()
            machine.lookForCuts()
        }
        machine.runDry()
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).count == 50 && names.count == 50, "\(names)")
        #expect(machine.restoredAnew == 1)
        machine.expectAllCommitted()
    }

    /// As librdkafka does where the group hands partitions out anew while one is being handed over. Nothing was cut, and nothing goes back.
    @Test(arguments: DeliveryMode.allCases) func aRecordThatComesTwiceInARowIsNoCut(_ delivery: DeliveryMode) throws {
        let machine = try Machine(WorkBot.self, partitions: 1, delivery: delivery)
        for number in 0..<20 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        machine.runDry()
        for number in 20..<25 { try machine.send(Work(name: "n\(number)", number: number, how: "plain")) }
        for _ in 0..<5 { machine.deliver() }
        machine.handOverAgain(partition)
        machine.deliver()
        machine.lookForCuts()
        #expect(machine.restoredAnew == 0)
        machine.runDry()
        #expect(try machine.events(WorkDone.self).map(\.payload.number).sorted() == Array(0..<25))
        machine.expectAllCommitted()
    }

    /// What is on its way to being visible would be handled a second time.
    @Test func aSettlementThatIsOutIsWaitedFor() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: "plain")) }
        machine.runToSettlement()
        for _ in 0..<20 { machine.deliver() }
        #expect(machine.settling != nil)
        machine.log.cut(partition, to: machine.log.records(of: Work.type.name)[10].offset)
        machine.deliver()
        machine.lookForCuts()
        #expect(machine.restoredAnew == 0 && machine.settling != nil)
        machine.settle()
        for _ in 0..<5 {
            machine.lookForCuts()
            machine.runDry()
        }
        #expect(machine.restoredAnew == 1)
        let names = try machine.events(WorkDone.self).map(\.payload.name)
        #expect(Set(names).isSuperset(of: (0..<10).map { "old-\($0)" }) && Set(names).count == names.count, "\(names)")
        machine.expectAllCommitted()
    }

    /// The leader says so, although no record comes.
    @Test func aLogThatOnlyGotShorterIsGoneOnWithWhereItEnds() throws {
        let machine = try Machine(WorkBot.self, partitions: 1)
        for number in 0..<20 { try machine.send(Work(name: "old-\(number)", number: number, how: number == 18 ? "call" : "plain")) }
        for _ in 0..<200 {
            machine.step()
            machine.pass(10)
        }
        let records = machine.log.records(of: Work.type.name)
        #expect(machine.log.committed[partition]?.offset == records[18].offset && machine.calls.count == 1)
        machine.lookForCuts()
        machine.log.cut(partition, to: records[17].offset)
        machine.lookForCuts()
        #expect(machine.restoredAnew == 0, "it is asked twice")
        machine.lookForCuts()
        #expect(machine.restoredAnew == 1)
        machine.advance()
        #expect(machine.cancelled.count == 1, "its record is gone")
        machine.runDry()
        #expect(machine.log.committed[partition]?.offset == machine.log.end(of: partition))
        #expect(try machine.events(WorkDone.self).count == 19)
        for _ in 0..<5 { machine.lookForCuts() }
        #expect(machine.restoredAnew == 1)
    }

    @Test func whatIsAskedForAgainOrReadMeanwhileIsNoCut() {
        var watch = CutWatch()
        func look(_ next: Int64?, assignment: UInt64 = 1, from back: Int64? = nil) -> CutWatch.Look {
            .init(partition: partition, assignment: assignment, next: next, wentBackFrom: back)
        }
        func hears(_ end: Int64?, asked next: Int64?) {
            watch.asks([look(next)])
            watch.asks([look(1_000)])
            watch.heard(end.map { [partition: $0] } ?? [:])
        }
        for _ in 0..<3 { hears(100, asked: 100) }
        #expect(watch.cut(look(150)) == nil, "the answer is older than what was read since")
        watch.heard([partition: 5])
        #expect(watch.cut(look(150)) == nil, "nobody has asked")
        hears(90, asked: 150)
        #expect(watch.cut(look(150)) == nil, "once only")
        #expect(watch.cut(look(160, from: 150)) == LogCut(read: 150, end: 90))
        hears(nil, asked: 150)
        hears(95, asked: 150)
        #expect(watch.cut(look(150)) == LogCut(read: 150, end: 90), "nobody could tell in between")
        #expect(watch.cut(look(150, assignment: 2)) == nil, "that was before it was restored")
        hears(150, asked: 150)
        #expect(watch.cut(look(150)) == nil, "the leader knows better by now")
        #expect(watch.cut(look(160, from: 150)) == LogCut(read: 150, end: 149))
        #expect(watch.cut(look(nil)) == nil)
    }

    @Test func recordsThatComeAgainAreASignOnlyBehindThoseThatCame() {
        func taken(_ offsets: [Int64], end: Int64? = nil, isSame: Bool = false) -> Int64? {
            let one = AssignedPartition(partition, role: .event, assignment: 1, window: DedupWindow(capacity: 10))
            one.ledger = OffsetLedger(committed: 50, finished: [60...70])
            if let end { one.reachedEnd(at: end) }
            for (number, offset) in offsets.enumerated() {
                _ = one.begin(offset, RecordTimestamp(kind: .created, milliseconds: isSame ? 1 : Int64(number)))
            }
            return one.wentBackFrom
        }
        #expect(taken([40, 41, 50, 51, 60, 61, 71, 80]) == nil, "it began before its commit")
        #expect(taken([50, 51, 0, 1, 52, 53, 1]) == 52)
        #expect(taken([50, 50]) == 51)
        #expect(taken([50, 50, 51], isSame: true) == nil, "the same record again")
        #expect(taken([50, 51, 50], isSame: true) == 52)
        #expect(taken([50, 51], end: 50) == nil, "it began at its end")
        #expect(taken([49], end: 50) == 50 && taken([0, 1], end: 50) == 50)
    }

    @Test func aPartitionIsGoneOnWithWhereItsLogAndItsCommitSay() {
        let metadata = CommitMetadata.text(committed: 100, finished: [110...119, 150...199])
        let commit = CommittedOffset(offset: 100, metadata: metadata)
        func at(_ high: Int64, _ cut: LogCut? = nil, low: Int64 = 0) -> Beginning {
            Beginning(commit, Watermarks(low: low, high: high), cut: cut, window: 50)
        }
        #expect(at(200).commit == commit && at(200).forgetFrom == nil && at(200).putTo == nil)
        #expect(at(90).commit == CommittedOffset(offset: 90) && at(90).forgetFrom == 90 && at(90).putTo == .at(90))
        let clipped = at(160)
        #expect(CommitMetadata.finished(committed: 100, in: clipped.commit.metadata) == [110...119, 150...159])
        #expect(clipped.commit.offset == 100 && clipped.forgetFrom == 160 && clipped.putTo == nil)
        #expect(at(110).commit == CommittedOffset(offset: 100) && at(110).forgetFrom == 110)
        // While it was read: what may be new is read again, as far as the window knows what is not.
        #expect(at(90, LogCut(read: 120, end: 119)).putTo == .at(70), "all that is read again is known")
        #expect(at(90, LogCut(read: 120, end: 119), low: 80).putTo == .at(80))
        #expect(at(60, LogCut(read: 500, end: 499)).putTo == .at(10))
        #expect(at(500, LogCut(read: 120, end: 60)).putTo == .at(10), "it has grown again")
        #expect(at(500, LogCut(read: 120, end: 60)).remembered == CommittedOffset(offset: 60))
        #expect(at(160).remembered == clipped.commit)
        let grown = at(500, LogCut(read: 180, end: 170))
        #expect(grown.commit.offset == 100 && grown.putTo == .at(100) && grown.forgetFrom == 130, "what is finished above it may be gone")
        #expect(CommitMetadata.finished(committed: 100, in: grown.commit.metadata) == [110...119])
        let close = at(500, LogCut(read: 166, end: 165))
        #expect(close.forgetFrom == 116 && CommitMetadata.finished(committed: 100, in: close.commit.metadata) == [110...115])
        #expect(Beginning(nil, Watermarks(low: 3, high: 9), cut: LogCut(read: 20, end: 19), window: 50).putTo == .at(3))
        #expect(Beginning(nil, Watermarks(low: 3, high: 9)).commit == CommittedOffset(offset: 3))
    }
}
