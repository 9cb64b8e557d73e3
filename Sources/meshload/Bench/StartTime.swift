import Dispatch
import Kafka
import Synchronization

/// From the start of the process to the arrival of its first result at a reader. The bare loop's is the group join, and little else.
struct StartTime {
    private let options: BenchOptions
    private let contestants: [Contestant]

    init(_ options: BenchOptions) {
        self.options = options
        contestants = options.contestants(of: .start)
    }

    func measure(on ground: BenchGround) throws -> BenchReport {
        let input = BenchInput(topic: ground.requests("s"), count: 100, keys: 100, size: options.size)
        try input.fill(on: ground)
        var times: [Contestant: [Double]] = [:]
        var faults: [String] = []
        // The first round warms the broker, and does not count.
        for round in 0...options.rounds {
            for contestant in Rounds.order(contestants, round: round) {
                let name = "s\(round)_\(contestant.rawValue.prefix(2))"
                do {
                    let time = try milliseconds(of: contestant, input.topic, name: name, on: ground)
                    Bench.say("start: \(contestant.rawValue): \(BenchTable.decimal(time)) ms")
                    if round > 0 { times[contestant, default: []].append(time) }
                } catch let failure as LoadFailure {
                    faults.append("start: \(contestant.rawValue): \(failure)")
                    Bench.say(faults[faults.count - 1])
                }
            }
        }
        try ground.delete([input.topic])
        let bare = Rounds.median(times[.bare] ?? [])
        let rows = contestants.map { contestant in
            let own = times[contestant] ?? []
            let beyond = Rounds.median(own).flatMap { time in bare.map { BenchTable.whole(time - $0) } } ?? ""
            return [contestant.title, BenchTable.spread(own, BenchTable.whole), contestant == .bare ? "" : beyond]
        }
        let table = BenchTable.markdown(["contestant", "start to first result, ms: median (range)", "beyond the bare loop"], rows)
        let aims = [Contestant.atLeastOnce, .exactlyOnce].map { contestant in
            Aims.sentence(.start, Rounds.median(times[contestant] ?? []), of: contestant, beyond: bare)
        }
        return BenchReport(text: "\(options.rounds) starts.\n\n\(table)\n\(aims.joined())", faults: faults)
    }

    private func milliseconds(of contestant: Contestant, _ input: String, name: String, on ground: BenchGround) throws -> Double {
        let job = RelayJob(input: input, output: ground.responses(name), count: 1, group: ground.group(name), warm: 0)
        try ground.makeTopics(of: contestant, job)
        let first = First()
        let reader = try ResultReader(job.output, ground.client) { _, moment in first.note(moment) }
        defer { reader.stop() }
        let start = uptimeNanoseconds()
        let child = try ground.start(contestant, job, log: name)
        defer { child.stop(grace: .seconds(10)) }
        guard let moment = first.wait(seconds: 60) else { throw LoadFailure("no result within a minute: \(ground.lastWords(log: name))") }
        child.stop(grace: .seconds(10))
        reader.stop()
        try ground.removeTopics(of: contestant, job)
        return Double(moment - start) / 1e6
    }
}

/// The moment of the first record.
private final class First: Sendable {
    private let moment = Mutex<Int64?>(nil)
    private let came = DispatchSemaphore(value: 0)

    func note(_ moment: Int64) {
        let isFirst = self.moment.withLock { known in
            defer { known = known ?? moment }
            return known == nil
        }
        if isFirst { came.signal() }
    }

    /// nil when none came in time. Blocks.
    func wait(seconds: Int) -> Int64? { came.wait(timeout: .now() + .seconds(seconds)) == .success ? moment.withLock { $0 } : nil }
}
