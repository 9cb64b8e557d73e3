import Kafka

/// What is still to be restored, in order. What failed waits behind the others, in parts that do not hold each other up: one may need a broker that is away.
struct RestoreQueue {
    private var requests: [Restorer.Request] = []
    /// How long to wait before the next is tried, in milliseconds: longer while they fail.
    private(set) var pause: Int64 = 0
    /// Of the bot's state topic, as the last request said.
    private(set) var statePartitions: Int32?

    private static let longestPause: Int64 = 5_000

    var isEmpty: Bool { requests.isEmpty }

    mutating func append(_ request: Restorer.Request) {
        statePartitions = request.statePartitions
        requests.insert(request, at: 0)
        pause = 0
    }

    mutating func takeNext() -> Restorer.Request? { requests.isEmpty ? nil : requests.removeFirst() }

    mutating func succeeded() { pause = 0 }

    mutating func putBack(_ request: Restorer.Request) {
        requests += parts(of: request)
        pause = min(max(100, pause * 2), Self.longestPause)
    }

    /// By partition of the state topic; what shares one by partition.
    private func parts(of request: Restorer.Request) -> [Restorer.Request] {
        let count = max(1, request.statePartitions ?? 1)
        var groups = Dictionary(grouping: request.partitions) { $0.partition % count }.sorted { $0.key < $1.key }.map(\.value)
        if groups.count == 1 { groups = request.partitions.map { [$0] } }
        return groups.map { group in
            var part = request
            part.partitions = group
            return part
        }
    }

    /// Drops what has gone to somebody else. What comes back is asked for again.
    mutating func keep(_ owned: Set<TopicPartition>) {
        for place in requests.indices { requests[place].partitions.removeAll { !owned.contains($0) } }
        requests.removeAll { $0.partitions.isEmpty }
    }
}
