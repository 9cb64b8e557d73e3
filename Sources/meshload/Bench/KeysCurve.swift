/// Throughput over the number of keys.
struct KeysCurve {
    private static let counts = [10, 1_000, 100_000]
    private let options: BenchOptions
    private let contestants: [Contestant]
    private let rounds: Int

    init(_ options: BenchOptions) {
        self.options = options
        contestants = options.contestants(of: .keys)
        rounds = min(options.rounds, 3)
    }

    func measure(on ground: BenchGround) throws -> BenchReport {
        let inputs = Self.counts.map { BenchInput(topic: ground.requests("k\($0)"), count: options.records, keys: $0, size: options.size) }
        for input in inputs {
            Bench.say("writing \(input.count) requests of \(input.keys) keys")
            try input.fill(on: ground)
        }
        var rates: [Int: [Contestant: [Double]]] = [:]
        var faults: [String] = []
        for round in 0..<rounds {
            for input in Rounds.order(inputs, round: round) {
                for contestant in Rounds.order(contestants, round: round) {
                    let name = "k\(round)_\(input.keys)_\(contestant.rawValue.prefix(2))"
                    let run = try ContestantRun(contestant, input: input.topic, count: input.count, name: name, on: ground)
                    Bench.say("\(input.keys) keys: \(contestant.rawValue): \(run.rate.map(BenchTable.whole) ?? run.fault ?? "")")
                    if let rate = run.rate { rates[input.keys, default: [:]][contestant, default: []].append(rate) }
                    if let fault = run.fault { faults.append("\(input.keys) keys: \(contestant.rawValue): \(fault)") }
                }
            }
        }
        try ground.delete(inputs.map(\.topic))
        let table = BenchTable.markdown(
            ["keys"] + contestants.map { "\($0.title), records/s" },
            Self.counts.map { keys in
                [BenchTable.whole(Double(keys))] + contestants.map { BenchTable.spread(rates[keys]?[$0] ?? [], BenchTable.whole) }
            })
        return BenchReport(text: "\(rounds) rounds.\n\n\(table)\n", faults: faults)
    }
}
