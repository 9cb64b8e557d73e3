import CSystem
import Glibc
import KafkaProtocol
import Testing

@testable import BrokerStorage

/// A broker that ends while a cleaned segment takes the place of others.
@Suite struct SegmentSwapTests {
    /// Names with their contents of the log's files; what is deleted is left out.
    private func files(_ directory: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try FileSystem.list(directory) where SegmentListing.parse(name) != nil {
            files[name] = try FileSystem.contents(directory + "/" + name, limit: 1 << 20)
        }
        return files
    }

    private func write(_ directory: String, _ base: Int64, _ end: String, _ text: String) throws {
        for file in SegmentFile.allCases {
            try FileSystem.replace(directory + "/" + Segment.name(base) + file.rawValue + end, with: Array((text + file.rawValue).utf8))
        }
    }

    /// Three old segments of which the first two give way, and the cleaned files.
    private func prepared() throws -> TestDirectory {
        let directory = try TestDirectory()
        for base in [Int64(10), 20, 30] { try write(directory.path, base, "", "old \(base)") }
        try write(directory.path, 10, SegmentSwap.cleanedSuffix, "new")
        return directory
    }

    /// A process that ends after any number of renames.
    @Test func aStopAnywhereGivesTheOldOrTheNewAndNeverAMix() throws {
        let untouched = try prepared()
        let before = try files(untouched.path)
        var new = before.filter { $0.key.hasPrefix(Segment.name(30)) }
        for file in SegmentFile.allCases { new[Segment.name(10) + file.rawValue] = Array(("new" + file.rawValue).utf8) }
        var outcomes: [Bool] = []
        // 4 to decide, 8 old files away, 4 into their places.
        for stop in 0...16 {
            let directory = try prepared()
            try perform(stop, in: directory.path)
            try SegmentSwap.recover(directory.path)
            let found = try files(directory.path)
            #expect(found == before || found == new, "after \(stop) renames")
            outcomes.append(found == new)
            // Again changes nothing.
            try SegmentSwap.recover(directory.path)
            #expect(try files(directory.path) == found)
            #expect(try FileSystem.list(directory.path).allSatisfy { !$0.hasSuffix(".swap") && !$0.hasSuffix(".cleaned") })
        }
        #expect(outcomes == (0...16).map { $0 >= 4 })
    }

    /// The first renames of a swap, in its order.
    private func perform(_ count: Int, in directory: String) throws {
        let order: [SegmentFile] = [.offsets, .times, .aborted, .log]
        func path(_ base: Int64, _ file: SegmentFile, _ end: String = "") -> String {
            directory + "/" + Segment.name(base) + file.rawValue + end
        }
        let swap = "." + Segment.name(30) + ".swap"
        var renames = order.map { (path(10, $0, ".cleaned"), path(10, $0, swap)) }
        for base in [Int64(20), 10] {
            for file in SegmentFile.allCases { renames.append((path(base, file), path(base, file, ".deleted"))) }
        }
        renames += order.map { (path(10, $0, swap), path(10, $0)) }
        for (from, to) in renames.prefix(count) { try FileSystem.rename(from, to: to) }
    }

    /// The swap itself does what the list above says.
    @Test func aSwapIsDecidedThenFinished() throws {
        let directory = try prepared()
        let swap = SegmentSwap(directory: directory.path, baseOffset: 10, endOffset: 30)
        try swap.commit()
        #expect(try FileSystem.list(directory.path).count { $0.hasSuffix(".swap") } == 4)
        #expect(try swap.finish().count == 8)
        let found = try files(directory.path)
        #expect(found.count == 8 && found[Segment.name(10) + ".log"] == Array("new.log".utf8))
    }

    @Test func oneThatIsTakenBackLeavesTheOldFiles() throws {
        let directory = try prepared()
        let before = try files(directory.path)
        let swap = SegmentSwap(directory: directory.path, baseOffset: 10, endOffset: 30)
        try swap.commit()
        try swap.discard()
        #expect(try files(directory.path) == before)
        #expect(try FileSystem.list(directory.path).count == before.count)
    }

    @Test(arguments: ["x.swap", "00000000000000000010.log.swap", "00000000000000000010.log.00000000000000000005.swap", "1.log.2.swap"])
    func aNameThatDecidesNothingIsRemoved(name: String) throws {
        let directory = try prepared()
        let before = try files(directory.path)
        try FileSystem.replace(directory.path + "/" + name, with: [1])
        try SegmentSwap.recover(directory.path)
        #expect(try files(directory.path) == before)
        #expect(FileSystem.size(directory.path + "/" + name) == nil)
    }
}
