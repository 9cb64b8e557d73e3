import Testing

@testable import meshload

@Suite struct WarmMemoryTests {
    @Test func nothingIsWarmedWhereNothingIsWanted() {
        #expect(WarmMemory(0) == nil)
    }

    /// What was never written is not there either; of what was, one page in each piece stays.
    @Test func onePageOfEachPieceIsKept() throws {
        let warm = try #require(WarmMemory(16 << 20))
        #expect(warm.size > 0)
        #expect(try #require(warm.keptPages) == warm.size / WarmMemory.piece)
    }
}
