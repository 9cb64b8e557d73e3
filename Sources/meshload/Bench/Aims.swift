/// What medians of one run are to reach. They are told, and decide nothing: they depend on the machine and its hour.
struct Aims {
    private static let aims: [(contestant: Contestant, of: [Contestant], least: Double)] = [
        (.atLeastOnce, [.bare, .bareLimited], 0.90), (.exactlyOnce, [.bare, .bareLimited], 0.75),
        (.atLeastOnce, [.python, .pythonLimited], 1.8), (.exactlyOnce, [.python, .pythonLimited], 1.8),
    ]

    /// What a bot's time may lie beyond the bare loop's, in milliseconds: its p99, and its start.
    enum Excess: Double {
        case p99 = 2
        case start = 1_000
    }

    /// Whether that was reached, in a sentence of its own; empty where one of them was not measured. Milliseconds.
    static func sentence(_ aim: Excess, _ own: Double?, of contestant: Contestant, beyond bare: Double?) -> String {
        guard let own, let bare else { return "" }
        let (excess, most) = (own - bare, aim.rawValue)
        let verdict = excess <= most ? "reached" : "missed"
        let what = "\(BenchTable.decimal(excess)) ms beyond the bare loop; aim \(BenchTable.whole(most)), \(verdict)"
        return "\n\(contestant.title), \(aim): \(what).\n"
    }

    /// Of throughput, a table in markdown; empty where nothing was measured that has an aim. `median` in records a second.
    static func table(_ median: (Contestant) -> Double?) -> String {
        let rows = aims.flatMap { aim in
            aim.of.compactMap { mark -> [String]? in
                guard let own = median(aim.contestant), let other = median(mark), other > 0 else { return nil }
                return [
                    aim.contestant.title, mark.title, BenchTable.ratio(own, to: other), BenchTable.decimal(aim.least),
                    own / other >= aim.least ? "reached" : "missed",
                ]
            }
        }
        return rows.isEmpty ? "" : "\n" + BenchTable.markdown(["median of", "by that of", "ratio", "aim", ""], rows) + "\n"
    }
}
