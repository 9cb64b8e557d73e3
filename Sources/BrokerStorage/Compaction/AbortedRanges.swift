/// Which batches belong to transactions that were aborted.
struct AbortedRanges: Sendable {
    private var ranges: [Int64: [ClosedRange<Int64>]] = [:]

    init() {}

    /// - Parameter transactions: from the first offset of each to that of the batch that ended it.
    init(_ transactions: [(producerID: Int64, offsets: ClosedRange<Int64>)]) {
        for one in transactions { ranges[one.producerID, default: []].append(one.offsets) }
        for producerID in ranges.keys { ranges[producerID]?.sort { $0.lowerBound < $1.lowerBound } }
    }

    func contains(producerID: Int64, offset: Int64) -> Bool {
        guard let ranges = ranges[producerID] else { return false }
        // Transactions of one producer end one after another: the last one that begins at the offset or before it is the one to ask.
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].lowerBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low > 0 && ranges[low - 1].contains(offset)
    }
}
