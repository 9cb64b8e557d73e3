import Kafka

/// The names of a run's own topics and group.
struct ChaosTopics: Sendable {
    let group: String
    let input: String
    let output: String
    let retry: String
    let state: String
    /// Where a bot with a state hands itself each request, so that those of one state come together; nil for bots without.
    let inbox: String?
    /// Whether mesh.dlq refuses every record for its size for a while.
    private(set) var refusesDeadLetters = false
    static let deadLetters = Topics.deadLetters
    /// Of the topics of requests, results and states.
    let partitionCount: Int32
    /// Of the topic of retries.
    let retryPartitionCount: Int32

    /// All partitions of requests, results, retries and dead letters.
    let partitions: [TopicPartition]

    init(scenario: Scenario, run: String, deadLetterPartitions: Int32) {
        let word = scenario.rawValue.split(separator: "-").joined()
        let (requests, retries) = Self.counts(scenario)
        self.init(
            group: "Chaos\(word)\(run)", input: "bench.request_\(word)_\(run)", output: "bench.response_\(word)_\(run)",
            partitions: requests, retryPartitions: retries, deadLetterPartitions: deadLetterPartitions, hasInbox: scenario.countsKeys)
        refusesDeadLetters = scenario == .deadLetters
    }

    /// Partitions of requests and of retries are balanced together: an even share of all must be more than the retries have, so that nobody has only
    /// those. A bot without requests meets no fault.
    private static func counts(_ scenario: Scenario) -> (requests: Int32, retries: Int32) {
        switch scenario {
        case .retry: (9, 3)
        // Up to 6 bots, and up to 4.
        case .scale, .state, .stateDisk: (12, 1)
        default: (6, 1)
        }
    }

    private init(
        group: String, input: String, output: String, partitions count: Int32, retryPartitions: Int32, deadLetterPartitions: Int32,
        hasInbox: Bool = false
    ) {
        (partitionCount, retryPartitionCount) = (count, retryPartitions)
        self.group = group
        self.input = input
        self.output = output
        retry = "retry.\(group.lowercased())"
        state = "state.\(group.lowercased())"
        inbox = hasInbox ? "inbox.\(group.lowercased())" : nil
        partitions =
            ([(input, count), (output, count), (retry, retryPartitions)] + (inbox.map { [($0, count)] } ?? [])).flatMap { name, count in
                (0..<count).map { TopicPartition(name, $0) }
            }
            + (0..<deadLetterPartitions).map { TopicPartition(Self.deadLetters, $0) }
    }

    /// Those of a bot that reads the results.
    var downstream: ChaosTopics {
        ChaosTopics(
            group: group + "next", input: output, output: output + "_next", partitions: partitionCount, retryPartitions: 1,
            deadLetterPartitions: 0)
    }

    /// The members that have partitions of requests, from whomever they come, by their client ids.
    func bearers(among group: GroupDescription) -> Set<String> {
        Set(group.members.filter { $0.partitions.contains { $0.topic == input || $0.topic == inbox } }.map(\.clientID))
    }

    /// What the group commits offsets of.
    var groupPartitions: [TopicPartition] {
        inputPartitions + (0..<retryPartitionCount).map { TopicPartition(retry, $0) }
            + (inbox.map { name in (0..<partitionCount).map { TopicPartition(name, $0) } } ?? [])
    }
    /// Those that nobody else uses.
    var own: [String] { [input, output, retry, state] + (inbox.map { [$0] } ?? []) }
    var inputPartitions: [TopicPartition] { (0..<partitionCount).map { TopicPartition(input, $0) } }
}

extension ChaosTopics {
    /// Makes the mesh's own topics where they are missing; how many partitions mesh.dlq has.
    static func prepare(_ client: ClientSettings) throws -> Int32 {
        try Topics.ensureMesh(client)
        let admin = try AdminClient(client)
        defer { admin.close(timeout: .seconds(1)) }
        let count = try admin.metadata(topic: deadLetters).topics[deadLetters]?.partitions.count ?? 0
        guard count > 0 else { throw LoadFailure("there is no topic \(deadLetters)") }
        return Int32(count)
    }

    /// Makes the run's own topics.
    func make(_ client: ClientSettings) throws {
        try Topics.ensure([input, output] + (inbox.map { [$0] } ?? []), compacted: [state], partitions: partitionCount, client)
        try Topics.ensure([retry], partitions: retryPartitionCount, client)
    }

    /// Removes topics from a Kafka that others use too.
    static func remove(_ names: [String], _ client: ClientSettings) throws {
        let admin = try AdminClient(client)
        defer { admin.close(timeout: .seconds(1)) }
        try admin.deleteTopics(names).check()
    }
}
