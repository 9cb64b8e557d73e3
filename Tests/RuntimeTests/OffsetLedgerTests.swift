import MeshTesting
import Testing

@testable import MeshRuntime

@Suite struct OffsetLedgerTests {
    @Test func commitIsTheLowestUnfinishedOffset() {
        var ledger = OffsetLedger(committed: 10)
        for offset in 10..<15 { expect(ledger.begin(Int64(offset))) }
        ledger.finish(12)
        ledger.finish(11)
        #expect(ledger.committable?.offset == 10)
        #expect(ledger.committable?.finished == [11...12])
        ledger.finish(10)
        #expect(ledger.committable?.offset == 13)
        #expect(ledger.committable?.finished == [])
        ledger.finish(13)
        ledger.finish(14)
        #expect(ledger.committable?.offset == 15)
    }

    @Test func gapsOfACompactedPartitionAreHarmless() {
        var ledger = OffsetLedger(committed: 0)
        expect(ledger.begin(5))
        expect(ledger.begin(9))
        expect(ledger.begin(20))
        ledger.finish(9)
        ledger.finish(20)
        #expect(ledger.committable?.finished == [9...20])
        ledger.finish(5)
        #expect(ledger.committable?.offset == 21)
    }

    @Test func whatAnEarlierOwnerFinishedIsNotHandledAgain() {
        var ledger = OffsetLedger(committed: 100, finished: [103...104, 110...120])
        expect(!ledger.begin(99))
        for offset in 100..<103 { expect(ledger.begin(Int64(offset))) }
        for offset in 100..<103 { ledger.finish(Int64(offset)) }
        #expect(ledger.committable?.offset == 105)
        #expect(ledger.committable?.finished == [110...120], "records between were not read yet")
        expect(!ledger.begin(103))
        expect(!ledger.begin(104))
        expect(ledger.begin(105))
        expect(!ledger.begin(110))
        ledger.finish(105)
        #expect(ledger.committable?.offset == 121)
    }

    /// Random reads and finishes, with restarts from what was committed: nothing is lost, nothing is repeated, the metadata always fits. One in four is left
    /// out, each time that it is read.
    @Test(arguments: 0..<40) func randomOrderWithRestarts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let offsets = (0..<400).map { Int64($0) }.filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
        func isLeftOut(_ offset: Int64) -> Bool { offset % 4 == Int64(seed % 4) }
        var handled: Set<Int64> = []
        var committed: (Int64, String) = (0, "")
        while handled.count < offsets.count(where: { !isLeftOut($0) }) {
            var ledger = OffsetLedger(
                committed: committed.0, finished: CommitMetadata.finished(committed: committed.0, in: committed.1))
            var open: [Int64] = []
            var upcoming = offsets.filter { $0 >= committed.0 }[...]
            for _ in 0..<Int.random(in: 1..<300, using: &random) {
                if Bool.random(using: &random), let offset = upcoming.popFirst() {
                    if ledger.begin(offset) {
                        #expect(handled.contains(offset) == false)
                        if isLeftOut(offset) { ledger.leaveOut(offset) } else { open.append(offset) }
                    } else {
                        #expect(handled.contains(offset) || isLeftOut(offset))
                    }
                } else if let place = open.indices.randomElement(using: &random), ledger.canFinish(open[place]) {
                    let offset = open.remove(at: place)
                    expect(ledger.finish(offset))
                    #expect(ledger.openCount == open.count)
                    handled.insert(offset)
                    let commit = ledger.committable!
                    #expect(offsets.allSatisfy { $0 >= commit.offset || handled.contains($0) || isLeftOut($0) })
                    #expect(commit.finished.count <= ledger.rangeCount)
                    let text = CommitMetadata.text(committed: commit.offset, finished: commit.finished)
                    #expect(text.utf8.count <= OffsetLedger.maximumMetadataBytes)
                    #expect(CommitMetadata.finished(committed: commit.offset, in: text) == commit.finished)
                    committed = (commit.offset, text)
                }
            }
        }
    }

    /// A run of hours at the bottom: what is finished above it takes no room, and the rest stays right.
    @Test(arguments: 0..<4) func whatIsFinishedAboveALongOpenRecordTakesNoRoom(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var ledger = OffsetLedger(committed: 0)
        var (finished, open): (Set<Int64>, [Int64]) = ([], [])
        expect(ledger.begin(0))
        for offset in Int64(1)..<60_000 where Int.random(in: 0..<20, using: &random) > 0 {
            expect(ledger.begin(offset))
            open.append(offset)
            while open.count > 20 || !open.isEmpty && Bool.random(using: &random) {
                let done = open.remove(at: Int.random(in: open.indices, using: &random))
                expect(ledger.finish(done))
                expect(!ledger.finish(done))
                finished.insert(done)
            }
        }
        let entries = Mirror(reflecting: ledger).children.first { $0.label == "entries" }
        #expect(try #require(entries?.value as? [Any]).count < 9_000)
        let commit = try #require(ledger.committable)
        #expect(commit.offset == 0)
        let covered = commit.finished.reduce(into: Set<Int64>()) { $0.formUnion($1) }
        #expect(covered.isSuperset(of: finished) && covered.isDisjoint(with: open))
        #expect(commit.finished.count == ledger.rangeCount)
        for offset in open { expect(ledger.finish(offset)) }
        #expect(ledger.rangeCount == 1 && ledger.openCount == 1)
        ledger.finish(0)
        #expect(ledger.committable?.offset == ledger.nextRead && ledger.committable?.finished == [])
    }

    @Test func whatIsLeftOutTakesNoRoomInACommit() {
        var ledger = OffsetLedger(committed: 0)
        for offset in 0..<10_000 { expect(ledger.begin(Int64(offset))) }
        for offset in 0..<10_000 where offset % 2 == 1 { ledger.leaveOut(Int64(offset)) }
        #expect(ledger.committable?.finished == [] && ledger.openCount == 5_000)
        // Beside a finished one it is named with that: one range for all.
        for offset in [4, 2, 6] { expect(ledger.finish(Int64(offset))) }
        #expect(ledger.committable?.finished == [1...7] && ledger.rangeCount == 1)
        expect(ledger.finish(0))
        #expect(ledger.committable?.offset == 8 && ledger.rangeCount == 0)
        for offset in 4..<5_000 { expect(ledger.finish(Int64(9_998 - 2 * (offset - 4)))) }
        #expect(ledger.committable?.offset == 10_000)
    }

    /// Every second record finishes, as far as the metadata has room; the lowest always can, and makes room for the others.
    @Test func metadataNeverOverflowsAndWhatWaitsForRoomGetsIt() {
        var ledger = OffsetLedger(committed: 1_000_000_000)
        let offsets = (0..<5_000).map { Int64(1_000_000_000 + $0) }
        for offset in offsets { expect(ledger.begin(offset)) }
        var waiting = offsets.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        var lowest = offsets.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)[...]
        var rounds = 0
        while ledger.openCount > 0 {
            waiting.removeAll { offset in
                guard ledger.canFinish(offset) else { return false }
                expect(ledger.finish(offset))
                return true
            }
            if rounds == 0 { #expect((300..<2_000).contains(ledger.rangeCount)) }
            let commit = ledger.committable!
            #expect(
                CommitMetadata.text(committed: commit.offset, finished: commit.finished).utf8.count <= OffsetLedger.maximumMetadataBytes)
            guard let offset = lowest.popFirst() else { continue }
            expect(ledger.canFinish(offset))
            expect(ledger.finish(offset))
            rounds += 1
        }
        #expect(waiting.isEmpty)
        #expect(ledger.watermark == 1_000_005_000)
    }

    /// Bytes from elsewhere never trap, and what is read back was written by us or means nothing.
    @Test func foreignMetadataMeansNothing() {
        var random = SeededGenerator(seed: 7)
        let alphabet = Array("m1:,-0az+~ é9")
        for _ in 0..<5_000 {
            let tail = String((0..<Int.random(in: 0..<20, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
            for text in [tail, "m1:" + tail] {
                let ranges = CommitMetadata.finished(committed: .random(in: 0...(.max), using: &random), in: text)
                for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound < right.lowerBound) }
            }
        }
        #expect(CommitMetadata.finished(committed: 5, in: "m1:0-zzzzzzzzzzzzz") == [])
    }
}
