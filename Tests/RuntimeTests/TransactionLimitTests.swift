import Testing

@testable import MeshRuntime

/// How long a settlement may take over a slow link.
@Suite struct TransactionLimitTests {
    private func fail(_ limit: inout TransactionLimit, after milliseconds: Int64, bytes: Int = 8 << 20, isTimeout: Bool = false) -> Bool {
        limit.began(bytes: bytes, at: 1_000)
        return limit.failed(isTimeout: isTimeout, at: 1_000 + milliseconds).isOver
    }

    private func commit(_ limit: inout TransactionLimit, after milliseconds: Int64) {
        limit.began(bytes: 8 << 20, at: 1_000)
        limit.committed(at: 1_000 + milliseconds)
    }

    @Test func largeSettlementsThatTakeTooLongHaveLonger() {
        var limit = TransactionLimit()
        var limits: [Int64] = []
        for _ in 0..<6 {
            _ = fail(&limit, after: 6_000, isTimeout: true)
            limits.append(limit.next)
        }
        #expect(limits == [12_000, 24_000, 48_000, 60_000, 60_000, 60_000])
        commit(&limit, after: 40_000)
        #expect(limit.next == 60_000, "the next one will need it too")
        commit(&limit, after: 500)
        #expect(limit.next == TransactionLimit.usual)
    }

    @Test func smallOnesThatTakeTooLongDoNot() {
        var limit = TransactionLimit()
        let isOver = fail(&limit, after: 7_000, bytes: 1_000, isTimeout: true)
        #expect(isOver && limit.next == TransactionLimit.usual)
    }

    /// A fence before the time is over is another process's; after it, it may be the coordinator's own.
    @Test func aFenceAfterItsTimeIsNobodyElse() {
        var limit = TransactionLimit()
        let early = fail(&limit, after: 3_000)
        let late = fail(&limit, after: 6_100)
        let earlyAgain = fail(&limit, after: 6_100)
        #expect(!early && late)
        #expect(!earlyAgain, "it has twelve seconds now")
        // A producer that is fenced as it is made has no transaction.
        let without = limit.failed(isTimeout: false, at: .max)
        #expect(!without.isOver && !without.isLonger)
    }
}
