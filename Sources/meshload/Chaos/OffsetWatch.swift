import Envelopes
import Glibc
import Kafka
import Synchronization

/// Samples what the group has committed, and how far every topic reaches, again and again while the run goes on.
final class OffsetWatch: Sendable {
    struct Sample: Sendable {
        /// Of the monotonic clock, in seconds.
        let time: Double
        /// The same since 1970, by which retries are due.
        let milliseconds: Int64
        let committed: [TopicPartition: CommittedOffset]
        /// One more than the last offset, taken after `committed`: what made a commit right lies below.
        let ends: [TopicPartition: Int64]
    }
    private struct State {
        var samples: [Sample] = []
        var isStopped = false
        var isDone = false
    }
    private let state = Mutex(State())
    private let client: ClientSettings
    private let topics: ChaosTopics

    private let pause: UInt32

    /// Five samples a second; fewer in a run of more than ten minutes, so that they take bounded memory.
    init(_ client: ClientSettings, _ topics: ChaosTopics, seconds: Int) {
        var client = client
        // A broker that comes back is to be seen at once.
        client["reconnect.backoff.max.ms"] = "500"
        self.client = client
        pause = UInt32(200_000 * max(1, min(seconds / 600, 60)))
        self.topics = topics
    }

    func start() {
        DedicatedThread.start(name: "offset-watch") { [self] in
            do {
                // A consumer that joins no group: librdkafka's administrative calls about groups end the process when a broker goes while they wait
                // (confluentinc/librdkafka issue 3663).
                let reader = try Consumer(
                    client, group: GroupSettings(id: topics.group, isolation: .readUncommitted), observer: ClientObserver(log: { _ in }))
                defer { reader.close(timeout: .seconds(1)) }
                var isLast = false
                while !isLast {
                    // The one after the end shows what the group has committed in the end.
                    isLast = state.withLock { $0.isStopped }
                    do throws(KafkaError) {
                        let sample = try sample(reader)
                        state.withLock { $0.samples.append(sample) }
                    } catch {
                        // A broker that is away cannot be asked; the next sample shows whether an offset went back meanwhile.
                    }
                    usleep(pause)
                }
            } catch {
                Chaos.say("the group's offsets cannot be sampled: \(error)")
            }
            state.withLock { $0.isDone = true }
        }
    }

    private func sample(_ reader: Consumer) throws(KafkaError) -> Sample {
        let committed = try reader.committed(topics.groupPartitions, timeout: .seconds(3))
        var ends: [TopicPartition: Int64] = [:]
        for partition in topics.partitions { ends[partition] = try reader.watermarks(of: partition, timeout: .seconds(3)).high }
        return Sample(time: uptimeSeconds(), milliseconds: Timestamp.now.milliseconds, committed: committed, ends: ends)
    }

    var last: Sample? { state.withLock { $0.samples.last } }
    var samples: [Sample] { state.withLock { $0.samples } }

    func stop() -> [Sample] {
        state.withLock { $0.isStopped = true }
        let limit = uptimeSeconds() + 15
        while !state.withLock({ $0.isDone }), uptimeSeconds() < limit { usleep(20_000) }
        return samples
    }
}

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
    static let deadLetters = "mesh.dlq"
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
            partitions: requests, retryPartitions: retries, deadLetterPartitions: deadLetterPartitions, hasInbox: scenario == .state)
        refusesDeadLetters = scenario == .deadLetters
    }

    /// Partitions of requests and of retries are balanced together: an even share of all must be more than the retries have, so that nobody has only
    /// those. A bot without requests meets no fault.
    private static func counts(_ scenario: Scenario) -> (requests: Int32, retries: Int32) {
        switch scenario {
        case .retry: (9, 3)
        // Up to 6 bots, and up to 4.
        case .scale, .state: (12, 1)
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
    var inputPartitions: [TopicPartition] { (0..<partitionCount).map { TopicPartition(input, $0) } }
}
