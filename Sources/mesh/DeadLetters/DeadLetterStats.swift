import Envelopes

/// How many dead letters there are of each kind, with what has become of them apart.
struct DeadLetterStats {
    struct Counts: Equatable {
        private var values: [DeadLetterState: Int] = [:]
        subscript(_ state: DeadLetterState) -> Int { values[state] ?? 0 }
        var total: Int { values.values.reduce(0, +) }
        mutating func add(_ state: DeadLetterState) { values[state, default: 0] += 1 }
    }

    enum Dimension: String, CaseIterable, Sendable {
        case bot, reason, topic, age
    }

    private(set) var all = Counts()
    private var tables: [Dimension: [String: Counts]] = [:]
    /// Kinds of one dimension that are told apart; all beyond them count as one.
    private static let mostNames = 1_000

    static let ages: [(name: String, most: Duration)] = [
        ("under 1 h", .seconds(3_600)), ("1 h to 1 d", .seconds(86_400)), ("1 d to 7 d", .seconds(7 * 86_400)),
        ("over 7 d", .seconds(Int64.max / 4)),
    ]

    mutating func add(_ entry: DeadLetterBox.Entry, now: Timestamp) {
        let letter = entry.letter
        all.add(entry.state)
        count(.bot, letter.bot ?? "unknown", entry.state)
        count(.reason, letter.code, entry.state)
        count(.topic, letter.origin?.topic ?? "unknown", entry.state)
        count(.age, Self.age(of: letter, now: now), entry.state)
    }

    private static func age(of letter: DeadLetter, now: Timestamp) -> String {
        guard letter.timestamp >= 0 else { return "unknown" }
        let age = now.duration(since: Timestamp(milliseconds: letter.timestamp))
        return ages.first { age < $0.most }?.name ?? "unknown"
    }

    private mutating func count(_ dimension: Dimension, _ name: String, _ state: DeadLetterState) {
        let known = tables[dimension, default: [:]]
        let name = known[name] != nil || known.count < Self.mostNames ? name : "others"
        tables[dimension, default: [:]][name, default: Counts()].add(state)
    }

    /// The kinds of one dimension: ages from young to old, the others from many to few.
    func rows(_ dimension: Dimension) -> [(name: String, counts: Counts)] {
        let table = tables[dimension] ?? [:]
        guard dimension != .age else {
            return (Self.ages.map(\.name) + ["unknown"]).compactMap { name in table[name].map { (name, $0) } }
        }
        return table.map { ($0.key, $0.value) }.sorted { ($1.1.total, $0.0) < ($0.1.total, $1.0) }
    }
}
