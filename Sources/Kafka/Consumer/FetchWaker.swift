import CRdKafka
import Synchronization

/// Makes librdkafka fetch again as soon as its queue has room.
///
/// When what was fetched ahead has reached its limit, the thread of librdkafka 2.0.2 that fetches sleeps until something wakes it, a second at most
/// (`rd_kafka_broker_consumer_serve`, `rd_kafka_max_block_ms`), however soon there is room again. Any request to that broker wakes it. So each time that a
/// quarter of the limit was polled, the leader of the partition at hand is asked for the ends of its log.
///
/// Confined to the consumer's thread, apart from the asking itself.
struct FetchWaker {
    private let handle: ClientHandle
    private let step: Int
    private var polled = 0
    /// How often it has asked.
    private(set) var requests = 0
    /// Whoever asks at the moment: one at most.
    private let asking = Question()

    /// `limit`: of what is fetched ahead, in KiB.
    init(_ handle: ClientHandle, limit: Int32) {
        self.handle = handle
        step = Int(limit) * 1_024 / 4
    }

    /// Counts a record that was polled; asks when it is time. Does not block.
    @inline(__always) mutating func polled(_ message: rd_kafka_message_t) {
        polled += message.len + message.key_len
        if polled >= step { ask(message) }
    }

    private mutating func ask(_ message: rd_kafka_message_t) {
        guard asking.canAsk, let name = rd_kafka_topic_name(message.rkt) else { return }
        let (topic, partition) = (String(cString: name), message.partition)
        // Also where no thread can be had: the next time is early enough.
        polled = 0
        let isAsked = asking.ask(thread: "kafka-fetch") { [handle] in
            var (low, high): (Int64, Int64) = (0, 0)
            // The answer does not matter: without one librdkafka looks by itself within a second.
            _ = rd_kafka_query_watermark_offsets(handle.pointer, topic, partition, &low, &high, Self.patience)
        }
        if isAsked { requests += 1 }
    }

    /// Nobody asks any more when it returns; false when that took longer than `limit`.
    func close(limit: Duration) -> Bool { asking.close(limit: limit) }

    /// In milliseconds.
    private static let patience: Int32 = 1_000
}
