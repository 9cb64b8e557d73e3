import CNap
import CRdKafka

/// Keeps the main threads of librdkafka's clients from spinning.
///
/// Before version 2.4 such a thread waits for a timer which is due within a millisecond by looking at the clock all the time
/// (https://github.com/confluentinc/librdkafka/issues/4684). Every transaction starts such a timer, when its first record is produced.
enum MainLoopNap {
    /// What librdkafka calls these threads.
    static let threadName: StaticString = "rdk:main"

    /// Whether the librdkafka that is loaded needs it.
    static var isNeeded: Bool { rd_kafka_version() < 0x0204_0000 }

    /// From now on the main threads nap, where they need it.
    static func begin() {
        // A static string lasts as long as the process.
        if isNeeded { cnap_watch(UnsafeRawPointer(threadName.utf8Start).assumingMemoryBound(to: CChar.self)) }
    }
}
