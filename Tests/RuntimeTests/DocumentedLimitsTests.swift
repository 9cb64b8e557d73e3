import FoundationEssentials
import Kafka
import MeshRuntime
import Testing

/// What docs/guarantees.md says of a process's bounds is what it does when nobody says otherwise.
@Suite struct DocumentedLimitsTests {
    private static let document =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/docs/guarantees.md"

    /// The parts of the paragraph, each of which names a bound or two. A comma within a number has no space behind it.
    private static func parts() throws -> [Substring] {
        let text = String(decoding: try Data(contentsOf: URL(filePath: document)), as: UTF8.self)
        let lines = text.split(separator: "\n")
        let heading = try #require(lines.firstIndex(of: "## Limits"))
        let end = lines[(heading + 1)...].firstIndex { $0.hasPrefix("## ") } ?? lines.endIndex
        return lines[(heading + 1)..<end].flatMap { $0.split(separator: "; ") }.flatMap { $0.split(separator: ", ") }
    }

    /// The numbers of a part, in order; those of a part that has more than are looked for may follow.
    private static func numbers(_ part: Substring) -> [Int] {
        part.split(separator: " ").compactMap { word in Int(word.filter { $0 != "," }) }
    }

    private static let limits = Limits()

    @Test(arguments: [
        ("that wait for their lane", [limits.waitingRecords, limits.waitingBytes >> 20]),
        ("of each retry partition", [limits.waitingPerRetryPartition, limits.waitingBytesPerRetryPartition >> 20]),
        ("before its restoration", [limits.earlyRecords, limits.earlyBytes >> 20]),
        ("has fetched ahead", [Int(GroupSettings(id: "group").prefetchKilobytes) >> 10]),
        ("for their settlement", [limits.unsettledItems, limits.unsettledBytes >> 20]),
        ("no room in their partition's commit", [limits.heldItems, limits.heldItemBytes >> 20]),
        ("wait for a dependency", [limits.heldRuns, limits.heldBytes >> 20]),
    ]) func theDefaultsAreWhatIsPromised(words: String, numbers: [Int]) throws {
        let part = try #require(try Self.parts().first { $0.contains(words) }, "nothing is said of what is '\(words)'")
        #expect(Self.numbers(part).starts(with: numbers), "\(part)")
    }

    @Test(arguments: [
        "told of inputs for \(limits.turn) ms", "where more than \(limits.revocation / 1_000) s are needed",
        "SIGTERM ends within \(limits.drain / 1_000) s", "moves on within \(limits.stall / 1_000) s",
    ]) func theTimesAreWhatIsPromised(words: String) throws {
        #expect(String(decoding: try Data(contentsOf: URL(filePath: Self.document)), as: UTF8.self).contains(words))
    }

    /// A window that is smaller than promised would have repeats answered twice.
    @Test func theWindowOfADeduplicationIsWhatIsPromised() throws {
        let text = String(decoding: try Data(contentsOf: URL(filePath: Self.document)), as: UTF8.self)
        let window = "\(Self.limits.dedupWindow / 1_000),\("\(Self.limits.dedupWindow % 1_000 + 1_000)".dropFirst())"
        #expect(text.contains("the last \(window) identities of a partition"))
        #expect(text.contains("the window (\(window) a partition)"))
    }
}
