import KafkaProtocol

/// Gives out producer ids, each once: the log reserves a block of them before the first of it is given, and what is left of a block when the broker ends is
/// never given.
struct ProducerIDs {
    private let block: Int64
    private var next: Int64 = 0
    private var end: Int64 = 0

    init(block: Int64) { self.block = block }

    /// Nothing below `end` is given from now on.
    mutating func skip(to end: Int64) {
        guard end > self.end else { return }
        next = end
        self.end = end
    }

    /// May append to the log: whoever gets the id must not be told before that is durable. Throws what the log throws.
    mutating func take(_ log: any StateLog) throws(ErrorCode) -> Int64 {
        if next == end {
            let (newEnd, overflows) = end.addingReportingOverflow(block)
            guard !overflows else { throw .unknownServerError }
            try log.append([TransactionLogRecord.producerIDs(end: newEnd)])
            end = newEnd
        }
        defer { next += 1 }
        return next
    }
}
