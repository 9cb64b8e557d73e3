import Glibc
import Kafka
import LocalBroker
import Synchronization

/// From the request's being handed to the producer to its result's arrival at a reader, both in this process and by one clock.
struct Latency {
    private static let rate = 1_000
    /// These go first, and do not count.
    private static let warmUp = 1_000
    private let options: BenchOptions
    private let contestants: [Contestant]
    private let rounds: Int

    init(_ options: BenchOptions) {
        self.options = options
        contestants = options.contestants(of: .latency)
        rounds = min(options.rounds, 3)
    }

    func measure(on ground: BenchGround) throws -> BenchReport {
        var percentiles: [Contestant: [[Double]]] = [:]
        var faults: [String] = []
        for round in 0..<rounds {
            for contestant in Rounds.order(contestants, round: round) {
                let name = "l\(round)_\(contestant.rawValue.prefix(2))"
                do {
                    let times = try milliseconds(of: contestant, name: name, on: ground)
                    let these = [0.5, 0.99, 1].map { Rounds.percentile($0, ofSorted: times) ?? 0 }
                    percentiles[contestant, default: []].append(these)
                    Bench.say("latency: \(contestant.rawValue): \(these.map(BenchTable.decimal).joined(separator: " / ")) ms")
                } catch let failure as LoadFailure {
                    faults.append("latency: \(contestant.rawValue): \(failure)")
                    Bench.say(faults[faults.count - 1])
                }
            }
        }
        let rows = contestants.map { contestant in
            [contestant.title]
                + (0..<3).map { place in BenchTable.spread((percentiles[contestant] ?? []).map { $0[place] }, BenchTable.decimal) }
        }
        let table = BenchTable.markdown(["contestant", "p50, ms", "p99, ms", "longest, ms"], rows)
        func p99(_ contestant: Contestant) -> Double? { Rounds.median((percentiles[contestant] ?? []).map { $0[1] }) }
        let aim = Aims.sentence(.p99, p99(.atLeastOnce), of: .atLeastOnce, beyond: p99(.bare))
        let shape = "\(rounds) rounds of \(options.seconds) s at \(BenchTable.whole(Double(Self.rate))) records a second."
        return BenchReport(text: "\(shape)\n\n\(table)\n\(aim)", faults: faults)
    }

    /// Sorted.
    private func milliseconds(of contestant: Contestant, name: String, on ground: BenchGround) throws -> [Double] {
        let count = Self.warmUp + Self.rate * options.seconds
        let job = RelayJob(
            input: ground.requests(name), output: ground.responses(name), count: count, group: ground.group(name), linger: 0)
        try ground.ensure([job.input])
        try ground.makeTopics(of: contestant, job)
        let arrivals = Arrivals(count: count)
        let reader = try ResultReader(job.output, ground.client) { record, moment in
            if let number = RequestWriter.sequence(in: record.value) { arrivals.note(number, moment) }
        }
        defer { reader.stop() }
        let child = try ground.start(contestant, job, log: name)
        defer { child.stop(grace: .seconds(10)) }
        let sent = try send(count, job, arrivals, ground)
        guard arrivals.wait(for: count, limit: 30, while: { child.exitStatus == nil || child.exitStatus?.isSuccess == true }) else {
            throw LoadFailure("\(arrivals.count) of \(count) results came: \(ground.lastWords(log: name))")
        }
        try reader.check()
        reader.stop()
        try ground.removeTopics(of: contestant, job)
        try ground.delete([job.input])
        let moments = arrivals.moments
        return (Self.warmUp..<count).map { Double(moments[$0] - sent[$0]) / 1e6 }.sorted()
    }

    /// Sends all by the clock, the first ones before, until they are answered; gives the moment of each.
    private func send(_ count: Int, _ job: RelayJob, _ arrivals: Arrivals, _ ground: BenchGround) throws -> [Int64] {
        let producer = try Producer(ground.client, ProducerSettings(linger: .zero, keepsOnlyFailures: true))
        defer { producer.close(timeout: .seconds(2)) }
        var requests = RequestWriter(topic: job.input, keys: options.keys, size: options.size, last: count - 1)
        var sent = [Int64](repeating: 0, count: count)
        var start = uptimeNanoseconds()
        for number in 0..<count {
            if number == Self.warmUp {
                guard arrivals.wait(for: Self.warmUp, limit: 60, while: { true }) else { throw LoadFailure("it answers nothing") }
                start = uptimeNanoseconds()
            }
            let due = start + Int64(max(0, number - Self.warmUp)) * 1_000_000_000 / Int64(Self.rate)
            let record = requests.record(number)
            let wait = (due - uptimeNanoseconds()) / 1_000
            if wait > 0 { usleep(UInt32(min(wait, 999_999))) }
            sent[number] = uptimeNanoseconds()
            try producer.send(record, patience: .seconds(10))
            if let failure = producer.deliveries().first?.error { throw failure }
        }
        try producer.flush(timeout: .seconds(30))
        return sent
    }
}

/// When the results came, by the numbers of their requests. Any thread.
private final class Arrivals: Sendable {
    private struct Known {
        /// 0: not yet.
        var moments: [Int64]
        var count = 0
    }

    private let known: Mutex<Known>

    init(count: Int) { known = Mutex(Known(moments: [Int64](repeating: 0, count: count))) }

    func note(_ number: Int, _ moment: Int64) {
        known.withLock { known in
            guard known.moments.indices.contains(number), known.moments[number] == 0 else { return }
            known.moments[number] = moment
            known.count += 1
        }
    }

    var count: Int { known.withLock { $0.count } }
    var moments: [Int64] { known.withLock { $0.moments } }

    /// Whether so many came within `limit` seconds; gives up when `condition` ends.
    func wait(for wanted: Int, limit: Double, while condition: () -> Bool) -> Bool {
        let end = uptimeSeconds() + limit
        while count < wanted {
            guard uptimeSeconds() < end, condition() else { return false }
            usleep(5_000)
        }
        return true
    }
}
