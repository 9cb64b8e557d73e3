import Glibc
import Testing

@testable import meshload

@Suite struct WarmMemoryTests {
    @Test func nothingIsWarmedWhereNothingIsWanted() throws {
        #expect(try WarmMemory(0) == nil)
    }

    /// What was never written is not there either; of what was, one page in each piece stays.
    @Test func onePageOfEachPieceIsKept() throws {
        let warm = try #require(try WarmMemory(16 << 20))
        var present = [UInt8](repeating: 0, count: warm.size / sysconf(Int32(_SC_PAGESIZE)))
        try #require(mincore(warm.start, warm.size, &present) == 0)
        #expect(warm.size > 0)
        #expect(present.count { $0 & 1 == 1 } == warm.size / WarmMemory.piece)
    }
}
