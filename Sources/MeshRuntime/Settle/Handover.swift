/// How much of each item of a batch was handed to the producer, and how much of that is known as not delivered.
struct Handover {
    private let records: [[Produced]]
    private var handed: [Int]
    private var failed: [Int]

    init(_ records: [[Produced]]) {
        self.records = records
        handed = Array(repeating: 0, count: records.count)
        failed = handed
    }

    mutating func hands(_ item: Int) { handed[item] += 1 }

    /// A report may come late, of a batch that had more.
    mutating func fails(_ item: Int) { if failed.indices.contains(item) { failed[item] += 1 } }

    func hasFailed(_ item: Int) -> Bool { failed[item] > 0 }

    /// The items of which all was delivered.
    var delivered: Set<Int> { Set(records.indices.filter { failed[$0] == 0 && handed[$0] == records[$0].count }) }

    /// The last item of which a record may have been delivered.
    var lastBegun: Int? { records.indices.last { handed[$0] > failed[$0] } }
}
