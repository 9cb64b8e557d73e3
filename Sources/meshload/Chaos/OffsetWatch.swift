import Envelopes
import Glibc
import Kafka
import Synchronization

/// Samples what the group has committed, and how far every topic reaches, again and again while the run goes on.
final class OffsetWatch: Sendable {
    struct Sample: Sendable {
        /// When the asking began, of the monotonic clock, in seconds.
        let began: Double
        /// The same when all was answered.
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

    /// Five samples a second; fewer in a run of more than ten minutes, so that they take less memory, but one in two seconds at least.
    init(_ client: ClientSettings, _ topics: ChaosTopics, seconds: Int) {
        var client = client
        // A broker that comes back is to be seen at once.
        client["reconnect.backoff.max.ms"] = "500"
        self.client = client
        pause = UInt32(200_000 * max(1, min(seconds / 600, 10)))
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
        let began = uptimeSeconds()
        let committed = try reader.committed(topics.groupPartitions, timeout: .seconds(3))
        var ends: [TopicPartition: Int64] = [:]
        for partition in topics.partitions { ends[partition] = try reader.watermarks(of: partition, timeout: .seconds(3)).high }
        return Sample(began: began, time: uptimeSeconds(), milliseconds: Timestamp.now.milliseconds, committed: committed, ends: ends)
    }

    var last: Sample? { state.withLock { $0.samples.last } }
    var samples: [Sample] { state.withLock { $0.samples } }

    /// Stops without waiting for the last look.
    func giveUp() { state.withLock { $0.isStopped = true } }

    func stop() -> [Sample] {
        giveUp()
        let limit = uptimeSeconds() + 15
        while !state.withLock({ $0.isDone }), uptimeSeconds() < limit { usleep(20_000) }
        return samples
    }
}
