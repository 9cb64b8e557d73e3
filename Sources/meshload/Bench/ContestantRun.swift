import Kafka

/// One contestant's way through an input topic, and what came of it.
struct ContestantRun {
    let contestant: Contestant
    /// Records a second from the first record to the last acknowledged result, as the contestant says it; nil when the run is void.
    private(set) var rate: Double?
    /// Why it is void.
    private(set) var fault: String?
    /// Mean bytes of a result's value, and of its headers' names and values.
    private(set) var valueBytes = 0
    private(set) var headerBytes = 0

    /// A run that takes longer is given up.
    private static let limit: Duration = .seconds(900)

    /// Runs a contestant over the first `count` records of `input` and counts what it wrote from outside. Blocks.
    init(_ contestant: Contestant, input: String, count: Int, name: String, on ground: BenchGround) throws {
        self.contestant = contestant
        // All names of a kind are of one length, so that the results are.
        let job = RelayJob(input: input, output: ground.responses(name), count: count, group: ground.group(name))
        try ground.makeTopics(of: contestant, job)
        let child = try ground.start(contestant, job, log: name)
        let status = child.wait(timeout: Self.limit)
        if status == nil { child.stop(grace: .seconds(1)) }
        let answered = try readResults(of: job, ground)
        try ground.removeTopics(of: contestant, job)
        let result = ground.result(log: name)
        if status == nil {
            fault = "it did not end within \(Self.limit)"
        } else if let status, !status.isSuccess {
            fault = "it \(status): \(ground.lastWords(log: name))"
        } else if let wrong = answered.fault {
            fault = wrong
        } else if let messages = result?["messages"]?.number, let seconds = result?["seconds"]?.number, seconds > 0 {
            rate = messages / seconds
        } else {
            fault = "it says no time: \(ground.lastWords(log: name))"
        }
    }

    /// What a read-committed reader sees.
    private mutating func readResults(of job: RelayJob, _ ground: BenchGround) throws -> AnsweredRequests {
        var answered = AnsweredRequests(of: job.count)
        var (values, headers) = (0, 0)
        try TopicReader.read(job.output, ground.client, isolation: .readCommitted) { record in
            answered.note(record)
            values += record.value?.count ?? 0
            for header in record.headers { headers += header.name.utf8.count + (header.value?.count ?? 0) }
        }
        if answered.results > 0 { (valueBytes, headerBytes) = (values / answered.results, headers / answered.results) }
        return answered
    }
}
