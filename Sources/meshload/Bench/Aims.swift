/// What medians of one run are to reach. They are told, and decide nothing: they depend on the machine and its hour.
struct Aims {
    private static let aims: [(contestant: Contestant, of: Contestant, least: Double)] = [
        (.atLeastOnce, .bare, 0.90), (.exactlyOnce, .bare, 0.75), (.atLeastOnce, .python, 1.8), (.exactlyOnce, .python, 1.8),
    ]

    /// How far a bot's time may lie beyond the bare loop's, in milliseconds, in a sentence of its own; empty where one of them was not measured.
    static func sentence(_ what: String, _ own: Double?, beyond bare: Double?, most: Double) -> String {
        guard let own, let bare else { return "" }
        let verdict = own - bare <= most ? "reached" : "missed"
        return "\n\(what): \(BenchTable.decimal(own - bare)) ms beyond the bare loop, \(BenchTable.whole(most)) at most: \(verdict).\n"
    }

    /// Of throughput, a table in markdown; empty where nothing was measured that has an aim. `median` in records a second.
    static func table(_ median: (Contestant) -> Double?) -> String {
        let rows = aims.compactMap { aim -> [String]? in
            guard let own = median(aim.contestant), let other = median(aim.of), other > 0 else { return nil }
            let ratio = own / other
            return [
                aim.contestant.title, aim.of.title, BenchTable.ratio(own, to: other), BenchTable.decimal(aim.least),
                ratio >= aim.least ? "reached" : "missed",
            ]
        }
        return rows.isEmpty ? "" : "\n" + BenchTable.markdown(["median of", "by that of", "ratio", "aim", ""], rows) + "\n"
    }
}
