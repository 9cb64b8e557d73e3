import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import MeshTesting
import Synchronization
import Telemetry
import Testing

@testable import MeshRuntime

/// A restoration with a local copy gives what one without gives, whatever became of the topic, the file and the disk.
@Suite struct SnapshotTests {
    /// One file, and processes that use it one after another.
    private final class Machine {
        let log: MemoryStateLog
        let directory: String
        let failures = SnapshotFailures()
        var clusterID = "cluster-a"
        var maximumPages: Int?
        private(set) var reader: StateReader
        /// Milliseconds since 1970.
        var wall: Int64 = 1_700_000_000_000
        private var uptime: Int64 = 0
        private let lines = LogLines()

        init(partitions: Int32 = 2) throws {
            log = MemoryStateLog(partitions: partitions)
            directory = try TemporaryDirectory.make(prefix: "snapshot")
            reader = StateReader(topic: MemoryStateLog.topic, snapshots: nil)
            restart()
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        var file: String { directory + "/TestBot-1.sqlite" }
        var said: [String] { lines.all }

        func restart() {
            // The file's lock goes with whoever had it.
            reader = StateReader(topic: MemoryStateLog.topic, snapshots: nil)
            let place = Snapshots.Place(
                directory: directory, instance: "TestBot-1", topic: MemoryStateLog.topic, clusterID: clusterID, maximumPages: maximumPages)
            let logger = Logger(bot: "TestBot", level: .debug, output: lines)
            reader = StateReader(topic: MemoryStateLog.topic, snapshots: Snapshots(place, logger: logger, failures: failures))
        }

        var numbers: Set<Int32> { Set(log.records.keys) }

        /// Carries the copies on; `limit`: by so many records.
        @discardableResult
        func copy(limit: Int = .max) throws -> Bool {
            var left = limit
            uptime += 100_000
            let moment = Moment(wall: Timestamp(milliseconds: wall), uptime: Moment.current.uptime + uptime)
            return try reader.copy(numbers, log, at: moment) {
                left -= 1
                return left < 0
            }
        }

        /// What it is with the copies; and that it is the same without them.
        @discardableResult
        func restore(at location: SourceLocation = #_sourceLocation) throws -> [Int32: [[UInt8]: [UInt8]]] {
            let with = try reader.read(numbers, log, at: wall).filter { !$0.value.isEmpty }
            let without = try StateReader(topic: MemoryStateLog.topic, snapshots: nil).read(numbers, log, at: wall).filter {
                !$0.value.isEmpty
            }
            #expect(with == without, sourceLocation: location)
            return with
        }

        /// How many records a restoration reads.
        func cost() throws -> Int {
            let before = log.read
            _ = try reader.read(numbers, log, at: wall)
            return log.read - before
        }
    }

    private func fill(_ machine: Machine, _ count: Int, keys: Int = 50, number: Int32 = 0, size: Int = 20) {
        for index in 0..<count {
            machine.log.append(
                "s/\(index % keys)", index % 13 == 12 ? nil : String(repeating: "v", count: size) + "\(index)", to: number,
                skipping: index % 7 == 6 ? 1 : 0)
        }
    }

    @Test(arguments: 0..<40) func anyHistoryIsRestoredTheSame(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let machine = try Machine()
        for _ in 0..<120 {
            let number = Int32.random(in: 0..<2, using: &random)
            switch Int.random(in: 0..<14, using: &random) {
            case 0..<5:
                for _ in 0..<Int.random(in: 1..<40, using: &random) {
                    let key = Int.random(in: 0..<30, using: &random)
                    let value = Int.random(in: 0..<4, using: &random) == 0 ? nil : "\(UInt64.random(in: 0 ... .max, using: &random))"
                    machine.log.append(
                        key == 29 ? nil : "s/\(key)", key == 28 ? "" : value, to: number, skipping: Int64.random(in: 0..<2, using: &random))
                }
            case 5, 6, 7: try machine.copy(limit: Int.random(in: 0..<60, using: &random))
            case 8: try machine.copy()
            case 9: machine.log.compact(number) { _ in Bool.random(using: &random) }
            case 10: machine.restart()
            case 11: machine.log.cut(number, below: machine.log.bounds(of: number).low + Int64.random(in: 0..<10, using: &random))
            case 12:
                // A day and more later tombstones are forgotten.
                machine.wall += Int64.random(in: 0..<40, using: &random) * 3_600_000
                if machine.wall - machine.log.clock > 30 * 3_600_000 {
                    machine.log.compact(number, dropsTombstones: true) { _ in true }
                }
                machine.log.clock = machine.wall
                machine.restart()
            default:
                if Int.random(in: 0..<6, using: &random) == 0 {
                    machine.log.clear(number)
                    machine.log.clock += 1_000
                    machine.restart()
                }
            }
            try machine.restore()
        }
        try machine.copy()
        machine.restart()
        try machine.restore()
    }

    @Test func aRestorationDoesNotGrowWithHistory() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 20_000)
        #expect(try machine.copy())
        machine.restart()
        #expect(try machine.cost() <= 1)
        fill(machine, 100)
        #expect(try machine.cost() <= 102)
        #expect(try machine.restore()[0]?.count ?? 0 > 30)
        #expect(machine.failures.count == 0)
    }

    @Test func aCopyThatIsNotCompleteIsCarriedOn() throws {
        let machine = try Machine()
        fill(machine, 1_000, number: 0)
        fill(machine, 1_000, number: 1)
        for _ in 0..<10 {
            _ = try machine.copy(limit: 150)
            machine.restart()
            try machine.restore()
        }
        #expect(try machine.cost() < 1_000)
        #expect(machine.failures.count == 0)
    }

    @Test func aTopicThatWasMadeAgainIsNotTakenForTheOldOne() throws {
        for length in [100, 1_000, 5_000] {
            let machine = try Machine(partitions: 1)
            fill(machine, 1_000)
            try machine.copy()
            machine.log.clear(0)
            machine.log.clock += 60_000
            fill(machine, length, keys: 7)
            machine.restart()
            #expect(try machine.restore()[0]?.count == 7)
            #expect(machine.failures.count >= 1)
            #expect(machine.said.contains { $0.contains("does not fit the topic") })
            // The same in a process that goes on.
            try machine.copy()
            machine.log.clear(0)
            machine.log.clock += 60_000
            fill(machine, length * 2, keys: 5)
            while try !machine.copy() {}
            machine.restart()
            try machine.restore()
            #expect(try machine.cost() <= 1)
        }
    }

    @Test func theRecordWhereItEndsMayBeCompactedAway() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 1_000)
        try machine.copy()
        // A newer record of the last one's key, and the last one is gone.
        let last = try #require(machine.log.records[0]?.last?.key)
        machine.log.append(String(decoding: last, as: UTF8.self), "new", to: 0)
        machine.log.compact(0) { _ in true }
        machine.restart()
        #expect(try machine.cost() < 12)
        #expect(try machine.restore()[0]?[last] == Array("new".utf8))
        // The copy is carried on all the same.
        try machine.copy()
        #expect(machine.failures.count == 0)
        machine.restart()
        #expect(try machine.cost() <= 2)
        #expect(try machine.restore()[0]?[last] == Array("new".utf8))
    }

    /// Nothing proves that the topic is the same one.
    @Test func aCopyWhoseRecordsAreAllGoneIsMadeAnew() throws {
        let machine = try Machine(partitions: 1)
        machine.log.append("s/a", "1", to: 0)
        try machine.copy()
        machine.log.append("s/a", "2", to: 0)
        machine.log.compact(0) { _ in true }
        try machine.copy()
        #expect(machine.failures.count == 1)
        try machine.copy()
        machine.restart()
        #expect(try machine.restore()[0]?[Array("s/a".utf8)] == Array("2".utf8))
        #expect(machine.failures.count == 1)
    }

    @Test func aCopyOlderThanTombstonesLastIsNotUsed() throws {
        let machine = try Machine(partitions: 1)
        machine.log.append("s/a", "1", to: 0)
        machine.log.append("s/b", "1", to: 0)
        try machine.copy()
        machine.log.append("s/a", nil, to: 0)
        machine.log.append("s/c", "1", to: 0)
        machine.wall += 25 * 3_600_000
        machine.log.compact(0, dropsTombstones: true) { _ in true }
        machine.restart()
        #expect(try machine.restore()[0]?.keys.contains(Array("s/a".utf8)) == false)
        // One that is confirmed now and then does not grow old.
        for _ in 0..<30 {
            machine.wall += 3_600_000
            try machine.copy()
        }
        machine.restart()
        #expect(try machine.cost() <= 1)
    }

    /// Made while the clock stood ahead: nobody knows how old it is.
    @Test(arguments: [false, true]) func aCopyDatedInTheFutureIsNotUsed(restarts: Bool) throws {
        let machine = try Machine(partitions: 1)
        machine.log.append("s/a", "1", to: 0)
        machine.log.append("s/b", "1", to: 0)
        machine.wall += 30 * 3_600_000
        try machine.copy()
        machine.wall -= 30 * 3_600_000
        if restarts { machine.restart() } else { try machine.copy() }
        machine.log.append("s/a", nil, to: 0)
        machine.log.append("s/c", "1", to: 0)
        if !restarts {
            machine.wall += 25 * 3_600_000
            machine.restart()
        }
        machine.log.compact(0, dropsTombstones: true) { _ in true }
        #expect(try machine.restore()[0]?.keys.contains(Array("s/a".utf8)) == false)
        #expect(machine.said.contains { $0.contains("dated 1800 minutes ahead") }, "\(machine.said)")
    }

    @Test func aForeignClusterIsNotTakenForThisOne() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 200)
        try machine.copy()
        machine.clusterID = "cluster-b"
        machine.restart()
        #expect(try machine.cost() >= 200)
        #expect(machine.said.contains { $0.contains("belongs to the cluster cluster-a, not to cluster-b") })
        try machine.restore()
        try machine.copy()
        machine.restart()
        #expect(try machine.cost() <= 1)
    }

    /// Bytes of the file are changed, cut off, or others altogether: the restoration is right, and the file is made anew.
    @Test(arguments: 100..<200) func aDamagedFileIsThrownAwayNeverUsed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let machine = try Machine()
        fill(machine, 600, number: 0, size: 60)
        fill(machine, 300, number: 1)
        try machine.copy()
        fill(machine, 20)
        // Closing it moves all into the one file.
        machine.restart()
        var bytes = Array(try Data(contentsOf: URL(filePath: machine.file)))
        #expect(bytes.count > 20_000)
        switch seed % 4 {
        case 0:
            for _ in 0..<3 { bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random)) }
        case 1: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
        case 2:
            let start = Int.random(in: 0..<(bytes.count - 5_000), using: &random)
            for place in start..<(start + 5_000) { bytes[place] = UInt8.random(in: 0...255, using: &random) }
        default: bytes = (0..<5_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        try expectNewFile(machine, after: bytes)
    }

    /// A header says, among other things, that the file cannot be written by this SQLite, and how large its pages are.
    @Test(arguments: 0..<100) func aDamagedHeaderIsThrownAway(place: Int) throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 200)
        try machine.copy()
        machine.restart()
        var bytes = Array(try Data(contentsOf: URL(filePath: machine.file)))
        bytes[place] ^= place.isMultiple(of: 2) ? 0xff : 0x02
        try expectNewFile(machine, after: bytes)
    }

    /// With these bytes in its file a machine restores what it should, and soon has a copy again that saves it the reading.
    private func expectNewFile(_ machine: Machine, after bytes: [UInt8], at location: SourceLocation = #_sourceLocation) throws {
        try Data(bytes).write(to: URL(filePath: machine.file))
        machine.restart()
        try machine.restore(at: location)
        // What is written then meets damage that reading did not.
        for number in machine.numbers { fill(machine, 40, number: number) }
        var attempts = 1
        while try !machine.copy(), attempts < 10 { attempts += 1 }
        #expect(attempts < 10, "\(machine.said.suffix(2))", sourceLocation: location)
        machine.restart()
        try machine.restore(at: location)
        #expect(try machine.cost() <= 30, sourceLocation: location)
    }

    /// It would come to light only when the entry is replaced, and cost a restart its copy then.
    @Test func anEntrysWrongDigestIsFoundWhenItIsRead() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 100)
        try machine.copy()
        machine.restart()
        try SQLiteDatabase(path: machine.file).execute("UPDATE entries SET digest = digest + 1 WHERE key = CAST('s/3' AS BLOB)")
        try machine.restore()
        #expect(machine.said.contains { $0.contains("is damaged") })
    }

    @Test func aFileOfAnotherKindIsThrownAway() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 100)
        try SQLiteDatabase(path: machine.file).execute("CREATE TABLE partitions (x TEXT); CREATE TABLE entries (y TEXT)")
        try machine.restore()
        try machine.copy()
        machine.restart()
        try machine.restore()
        #expect(try machine.cost() <= 1)
        #expect(machine.said.contains { $0.contains("is damaged") })
    }

    @Test func aFullDiskCostsTheCopyOnly() throws {
        let machine = try Machine(partitions: 1)
        machine.maximumPages = 20
        machine.restart()
        fill(machine, 3_000, keys: 3_000, size: 200)
        for _ in 0..<3 { try machine.copy() }
        #expect(machine.failures.count >= 1)
        #expect(machine.said.contains { $0.contains("cannot be written") })
        try machine.restore()
        // There is room again.
        machine.maximumPages = nil
        machine.restart()
        try machine.restore()
        while try !machine.copy() {}
        machine.restart()
        #expect(try machine.cost() <= 1)
        try machine.restore()
    }

    @Test func aDirectoryThatCannotBeWrittenCostsTheCopyOnly() throws {
        let machine = try Machine(partitions: 1)
        fill(machine, 100)
        try Data("no directory".utf8).write(to: URL(filePath: machine.directory + "/file"))
        let place = Snapshots.Place(
            directory: machine.directory + "/file", instance: "X-1", topic: MemoryStateLog.topic, clusterID: "c", maximumPages: nil)
        let failures = SnapshotFailures()
        let reader = StateReader(
            topic: MemoryStateLog.topic, snapshots: Snapshots(place, logger: Logger(bot: "X", level: .error), failures: failures))
        _ = try reader.copy(machine.numbers, machine.log, at: .current) { false }
        #expect(try reader.read(machine.numbers, machine.log, at: 0)[0]?.count == (try machine.restore()[0]?.count))
        #expect(failures.count >= 1)
    }

    @Test func theProgressNamesThePartitionThatHasMostBeforeIt() {
        let progress = RestoreProgress()
        #expect(progress.text == nil)
        let (large, small) = (TopicPartition("state.x", 3), TopicPartition("state.x", 4))
        progress.begin([(large, 10, 2_000_010), (small, 0, 500)])
        progress.reached(large, 120_009)
        #expect(progress.text == "restoring state.x[3] 120,000 of 2,000,000 and 1 more")
        progress.reached(small, 499)
        #expect(progress.text == "restoring state.x[3] 120,000 of 2,000,000")
        #expect(progress.rest == 1_880_000)
        progress.end([large, small])
        #expect(progress.text == nil && progress.rest == 0)
        for (number, text) in [(Int64(0), "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000")] {
            #expect(RestoreProgress.grouped(number) == text)
        }
    }

    /// The owner before has committed, and the marker has not come to this partition yet.
    @Test func whatIsDecidedElsewhereIsWaitedFor() throws {
        let machine = try Machine()
        fill(machine, 300)
        try machine.copy()
        machine.log.append("s/a", "before", to: 0)
        machine.log.stable[0] = machine.log.end(of: 0)
        machine.log.append("s/a", "after", to: 0)
        let restored = try machine.reader.read(machine.numbers, machine.log, at: machine.wall)
        #expect(restored[0]?[Array("s/a".utf8)] == Array("after".utf8))
    }
}
