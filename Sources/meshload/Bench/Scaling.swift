import Envelopes
import Glibc
import Kafka
import LocalBroker

/// Throughput over the number of a bot's processes: all have joined before the requests become visible, all at one moment.
struct Scaling {
    private static let replicas = [1, 2, 4, 8]
    private static let partitions: Int32 = 16
    private let options: BenchOptions
    private let contestants: [Contestant]
    private let rounds: Int

    init(_ options: BenchOptions) {
        self.options = options
        contestants = options.contestants(of: .scaling)
        rounds = min(options.rounds, 3)
    }

    func measure(on ground: BenchGround) throws -> BenchReport {
        var rates: [Int: [Contestant: [Double]]] = [:]
        var faults: [String] = []
        for round in 0..<rounds {
            for contestant in Rounds.order(contestants, round: round) {
                for replicas in Rounds.order(Self.replicas, round: round) {
                    let name = "c\(round)_\(replicas)_\(contestant.rawValue.prefix(2))"
                    do {
                        let rate = try recordsPerSecond(of: contestant, replicas, name: name, on: ground)
                        Bench.say("\(replicas) replicas: \(contestant.rawValue): \(BenchTable.whole(rate))")
                        rates[replicas, default: [:]][contestant, default: []].append(rate)
                    } catch let failure as LoadFailure {
                        faults.append("\(replicas) replicas: \(contestant.rawValue): \(failure)")
                        Bench.say(faults[faults.count - 1])
                    }
                }
            }
        }
        let table = BenchTable.markdown(
            ["replicas"] + contestants.map { "\($0.title), records/s" },
            Self.replicas.map { count in
                ["\(count)"] + contestants.map { BenchTable.spread(rates[count]?[$0] ?? [], BenchTable.whole) }
            })
        return BenchReport(text: "\(rounds) rounds.\n\n\(table)\n", faults: faults)
    }

    private func recordsPerSecond(of contestant: Contestant, _ replicas: Int, name: String, on ground: BenchGround) throws -> Double {
        let input = BenchInput(
            topic: ground.requests(name), count: options.records, keys: options.keys, size: options.size, partitions: Self.partitions)
        let output = ground.responses(name)
        try input.make(on: ground)
        let jobs = (1...replicas).map { number in
            // None of them ends by itself: none knows what the others did.
            RelayJob(input: input.topic, output: output, count: 1_000_000_000, group: ground.group(name), replica: number)
        }
        try ground.makeTopics(of: contestant, jobs[0])
        var children: [(process: ChildProcess, log: String)] = []
        defer { Self.stop(children.map(\.process)) }
        for job in jobs {
            let log = "\(name)-\(job.replica)"
            children.append((try ground.start(contestant, job, log: log), log))
        }
        func checkAll() throws {
            for child in children {
                guard let status = child.process.exitStatus else { continue }
                throw LoadFailure("a replica \(status): \(ground.lastWords(log: child.log))")
            }
        }
        try waitUntilAllHaveJoined(jobs[0], replicas, ground, checkAll)
        let begin = try input.release(on: ground)
        try waitUntilQuiet(output, ground, checkAll)
        Self.stop(children.map(\.process))
        var (answered, last) = (AnsweredRequests(of: options.records), Int64(0))
        try TopicReader.read(output, ground.client, isolation: .readCommitted) { record in
            answered.note(record)
            last = max(last, record.timestamp.milliseconds)
        }
        try ground.removeTopics(of: contestant, jobs[0])
        try ground.delete([input.topic])
        if let fault = answered.fault { throw LoadFailure(fault) }
        return Double(answered.results) * 1_000 / Double(max(1, last - begin.milliseconds))
    }

    private static func stop(_ children: [ChildProcess]) {
        for child in children { child.signal(.terminate) }
        for child in children { child.stop(grace: .seconds(30)) }
    }

    /// Waits until each member of the group has a part of the input.
    private func waitUntilAllHaveJoined(_ job: RelayJob, _ replicas: Int, _ ground: BenchGround, _ checkAll: () throws -> Void) throws {
        let admin = try AdminClient(ground.client)
        defer { admin.close() }
        let end = uptimeSeconds() + 120
        while true {
            try checkAll()
            if let group = try admin.describeGroups([job.group]).first, group.state == .stable {
                let shares = group.members.map { member in member.partitions.filter { $0.topic == job.input }.count }
                if shares.count == replicas, !shares.contains(0), shares.reduce(0, +) == Int(Self.partitions) { return }
            }
            guard uptimeSeconds() < end else { throw LoadFailure("not all replicas have joined within two minutes") }
            usleep(50_000)
        }
    }

    /// Waits until the topic has as many records as were asked for and none has come for two seconds. Offsets count transactions' marks too.
    private func waitUntilQuiet(_ topic: String, _ ground: BenchGround, _ checkAll: () throws -> Void) throws {
        let consumer = try Consumer(ground.client, group: .none())
        defer { consumer.close() }
        let end = uptimeSeconds() + 900
        var (height, since) = (Int64(-1), uptimeSeconds())
        while true {
            try checkAll()
            var sum: Int64 = 0
            for partition in 0..<Int32(6) { sum += try consumer.watermarks(of: TopicPartition(topic, partition)).high }
            if sum != height { (height, since) = (sum, uptimeSeconds()) }
            let quiet = uptimeSeconds() - since
            if sum >= options.records, quiet > 2 { return }
            // What is missing then is told by the count.
            guard uptimeSeconds() < end, quiet < 60 else { return }
            usleep(200_000)
        }
    }
}
