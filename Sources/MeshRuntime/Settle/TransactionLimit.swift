/// How long a transaction may take before its coordinator gives it up: shortly, since it hides what comes after it should its process die; longer while large
/// settlements need longer over a slow link, which would fail for ever otherwise. In milliseconds.
struct TransactionLimit: Sendable {
    static let usual: Int64 = 6_000
    static let longest: Int64 = 60_000
    /// A settlement of fewer bytes that takes too long says nothing of the link.
    static let large = 256 << 10
    /// A settlement that goes through within so long needs no longer limit.
    static let quick: Int64 = 2_000

    /// Of the next transaction, and so of its producer.
    private(set) var next = usual
    private var open: (since: Int64, bytes: Int, limit: Int64)?

    /// Its producer has the limit of this moment.
    mutating func began(bytes: Int, at uptime: Int64) { open = (uptime, bytes, next) }

    mutating func committed(at uptime: Int64) {
        if let open, uptime - open.since < Self.quick { next = Self.usual }
        open = nil
    }

    /// The open transaction failed. Whether its time was over: then the coordinator may have given it up, which looks as if another process had fenced it. And
    /// whether the next has longer.
    mutating func failed(isTimeout: Bool, at uptime: Int64) -> (isOver: Bool, isLonger: Bool) {
        guard let failed = open else { return (false, false) }
        open = nil
        let isOver = uptime - failed.since >= failed.limit
        if isOver || isTimeout, failed.bytes >= Self.large { next = min(2 * failed.limit, Self.longest) }
        return (isOver, next > failed.limit)
    }
}
