import FoundationEssentials
import Testing

@testable import meshload

@Suite struct WarmMemoryTests {
    @Test func nothingIsWarmedWhereNothingIsWanted() {
        #expect(WarmMemory(0) == nil)
    }

    /// What was written and freed again: one page of each 256 KiB is all that is kept.
    @Test func nearlyAllOfItIsFree() throws {
        let before = try kibibytes("VmRSS:")
        let warm = try #require(WarmMemory(256 << 20))
        let (peak, after) = (try kibibytes("VmHWM:"), try kibibytes("VmRSS:"))
        withExtendedLifetime(warm) {}
        #expect(peak >= before + (200 << 10))
        #expect(after < before + (64 << 10))
    }

    /// What Linux says of this process.
    private func kibibytes(_ name: String) throws -> Int {
        let text = String(decoding: try #require(FileManager.default.contents(atPath: "/proc/self/status")), as: UTF8.self)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) })
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }
}
