import Envelopes

/// Calls that are in the journal and wait to begin: the most urgent first, of those the ones that were made less often, of those the ones that came first. So that
/// nothing starves, every eighth look is a fair one: it begins with the one that has waited longest, and that leaves its place to nothing more urgent.
struct WaitingCalls {
    struct Entry {
        let job: Job
        let call: Int
        /// How often it was made before.
        let turn: Int
        let arrival: UInt64

        func isBefore(_ other: Entry) -> Bool {
            if job.priority != other.job.priority { return job.priority > other.job.priority }
            return turn != other.turn ? turn < other.turn : arrival < other.arrival
        }
    }

    /// In their order.
    private var entries: [Entry] = []
    private var arrivals: UInt64 = 0
    private var looks = 0
    private static let fairTurn = 8
    /// Of the look at hand.
    var isFair: Bool { looks == 0 }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ job: Job, _ call: Int) {
        arrivals += 1
        insert(Entry(job: job, call: call, turn: job.calls[call].turn, arrival: arrivals))
    }

    private mutating func insert(_ entry: Entry) { entries.insert(entry, at: entries.partitionPoint { entry.isBefore($0) }) }

    /// All of them, in their turn.
    mutating func takeAll() -> [Entry] {
        var taken = entries
        entries = []
        looks = (looks + 1) % Self.fairTurn
        if isFair, let oldest = taken.indices.min(by: { taken[$0].arrival < taken[$1].arrival }), oldest > 0 {
            taken.insert(taken.remove(at: oldest), at: 0)
        }
        return taken
    }

    /// Those that were taken and wait on.
    mutating func putBack(_ taken: [Entry]) {
        guard let first = taken.first else { return }
        // The others are in order.
        entries = Array(taken.dropFirst())
        insert(first)
    }

    mutating func removeAll(of job: Job) { entries.removeAll { $0.job === job } }
}
