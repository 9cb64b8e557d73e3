import Terminal

/// All contestants over the same requests.
struct Throughput {
    private let options: BenchOptions

    init(_ options: BenchOptions) { self.options = options }

    func measure(on ground: BenchGround) throws -> BenchReport {
        let input = BenchInput(topic: ground.requests("t"), count: options.records, keys: options.keys, size: options.size)
        Bench.say("writing \(input.count) requests")
        try input.fill(on: ground)
        var runs: [ContestantRun] = []
        var text = ""
        var faults: [String] = []
        for round in 0..<options.rounds {
            var these: [ContestantRun] = []
            for (place, contestant) in Rounds.order(options.contestants, round: round).enumerated() {
                let name = "t\(number(round))\(number(place))"
                let run = try ContestantRun(contestant, input: input.topic, count: input.count, name: name, on: ground)
                Bench.say("round \(round + 1): \(contestant.rawValue): \(run.rate.map(BenchTable.whole) ?? run.fault ?? "")")
                if let fault = run.fault { faults.append("round \(round + 1): \(contestant.rawValue): \(fault)") }
                these.append(run)
            }
            text += roundTable(round, these) + "\n\n"
            runs += these
        }
        try ground.delete([input.topic])
        Terminal.write(text, to: 1)
        return BenchReport(text: medianTable(runs) + Aims.table { median($0, runs) }, figures: figures(runs), faults: faults)
    }

    /// Three digits, so that all names have one length.
    private func number(_ value: Int) -> String { String(String(value + 1_000).dropFirst()) }

    private func roundTable(_ round: Int, _ runs: [ContestantRun]) -> String {
        let bare = runs.first { $0.contestant == .bare }?.rate
        return "Round \(round + 1), in the order in which they ran:\n\n"
            + BenchTable.markdown(
                ["contestant", "records/s", "of the bare loop", "bytes of a value", "of its headers"],
                runs.map { run in
                    [
                        run.contestant.title, run.rate.map(BenchTable.whole) ?? "void",
                        run.rate.map { BenchTable.ratio($0, to: bare) } ?? "", "\(run.valueBytes)", "\(run.headerBytes)",
                    ]
                })
    }

    private func medianTable(_ runs: [ContestantRun]) -> String {
        let bare = median(.bare, runs)
        let (records, keys) = (BenchTable.whole(Double(options.records)), BenchTable.whole(Double(options.keys)))
        return "\(options.rounds) rounds of \(records) records of \(keys) keys.\n\n"
            + BenchTable.markdown(
                ["contestant", "records/s: median (range)", "of the bare loop", "bytes of a value", "of its headers"],
                options.contestants.map { contestant in
                    let own = runs.filter { $0.contestant == contestant }
                    return [
                        contestant.title, BenchTable.spread(own.compactMap(\.rate), BenchTable.whole),
                        median(contestant, runs).map { BenchTable.ratio($0, to: bare) } ?? "",
                        "\(own.last?.valueBytes ?? 0)", "\(own.last?.headerBytes ?? 0)",
                    ]
                }) + "\n"
    }

    private func figures(_ runs: [ContestantRun]) -> [(String, any CustomStringConvertible)] {
        options.contestants.compactMap { contestant in
            median(contestant, runs).map { (contestant.rawValue.replacing("-", with: "_"), rounded($0, 1)) }
        }
    }

    private func median(_ contestant: Contestant, _ runs: [ContestantRun]) -> Double? {
        Rounds.median(runs.filter { $0.contestant == contestant }.compactMap(\.rate))
    }
}
