import Envelopes

/// Calls that are in the journal and wait to begin: the most urgent first, of those the ones that were made less often, of those the ones that came first. So that
/// nothing starves, every eighth turn is that of the one that has waited longest and might begin: it goes first, and leaves its place to nothing more urgent.
struct WaitingCalls {
    struct Entry {
        let job: Job
        let call: Int
        /// How often it was made before.
        let turn: Int
        let arrival: UInt64

        var dependency: String { job.calls[call].dependency }

        func isBefore(_ other: Entry) -> Bool {
            if job.priority != other.job.priority { return job.priority > other.job.priority }
            return turn != other.turn ? turn < other.turn : arrival < other.arrival
        }
    }

    /// In their order.
    private var entries: [Entry] = []
    private var arrivals: UInt64 = 0
    /// Turns since the last fair one.
    private var turns = 0
    /// Whose turn it is, of the look at hand; nil where it is no fair one.
    private var favoured: UInt64?
    /// Whether the look at hand was a turn: a call began, or left its place to something else.
    private var isTurn = false
    private static let fairTurn = 8

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ job: Job, _ call: Int) {
        arrivals += 1
        insert(Entry(job: job, call: call, turn: job.calls[call].turn, arrival: arrivals))
    }

    private mutating func insert(_ entry: Entry) { entries.insert(entry, at: entries.partitionPoint { entry.isBefore($0) }) }

    /// A look begins: all of them, in their turn.
    /// - Parameter mightBegin: whether nothing outside holds a call back.
    mutating func takeAll(fairTo mightBegin: (Entry) -> Bool) -> [Entry] {
        if isTurn { turns += 1 }
        (isTurn, favoured) = (false, nil)
        var taken = entries
        entries = []
        guard turns >= Self.fairTurn - 1 else { return taken }
        guard let oldest = taken.indices.filter({ mightBegin(taken[$0]) }).min(by: { taken[$0].arrival < taken[$1].arrival }) else {
            return taken
        }
        favoured = taken[oldest].arrival
        taken.insert(taken.remove(at: oldest), at: 0)
        return taken
    }

    /// Those that were taken and wait on.
    mutating func putBack(_ taken: [Entry]) {
        guard let first = taken.first else { return }
        let new = entries
        // But for the first they are in order.
        entries = Array(taken.dropFirst())
        insert(first)
        for entry in new { insert(entry) }
    }

    /// One that was taken begins.
    mutating func began(_ entry: Entry) {
        isTurn = true
        if entry.arrival == favoured { (turns, isTurn) = (0, false) }
    }

    /// Whether one that was taken keeps its place although something more urgent wants it.
    mutating func insists(_ entry: Entry) -> Bool {
        isTurn = true
        return entry.arrival == favoured
    }

    mutating func removeAll(of job: Job) { entries.removeAll { $0.job === job } }
}
