import Dispatch
import Kafka

/// Decodes records on a thread of its own, and lets the bot decide about them early, while the engine takes in those before them. Few records are decoded at
/// once, where they are.
///
/// The thread also frees what is finished: jemalloc hands memory that a thread has freed to the same thread again, and nearly all of a record's was made there.
///
/// Confined to the engine's thread, apart from that thread.
final class DecodeAhead {
    /// So many records are decoded together, at most, and so many bytes and one record.
    private static let (batch, batchBytes) = (128, 1 << 20)
    /// Fewer are not worth the way to another thread and back.
    private static let fewest = 16
    /// So many batches are on their way, at most. More would push what is handled out of the processor's caches.
    private static let mostUnderWay: UInt64 = 3

    /// What the engine's thread is polling together.
    private(set) var filling = FetchedRecords()
    private let decoder: RecordDecoder
    private let queue = BlockingQueue<Work>()
    private let ended = DispatchSemaphore(value: 0)
    private var book = BatchBook()

    /// What the thread is asked for.
    private struct Work: Sendable {
        let number: UInt64
        let records: FetchedRecords
        /// Freed before `records` are decoded.
        var finished: [Incoming]
    }

    /// A batch that comes back.
    struct Batch: Sendable {
        fileprivate let number: UInt64
        fileprivate let incoming: [Incoming]
    }

    private let mailbox: Mailbox
    /// It begins with the first batch: a bot that never has that many records does without.
    private var hasThread = false

    /// Batches come back through `mailbox`.
    init(_ decoder: RecordDecoder, mailbox: Mailbox) {
        self.decoder = decoder
        self.mailbox = mailbox
    }

    private func startThread() {
        hasThread = true
        // The bot's code runs there too: it has as much as on the main thread.
        DedicatedThread.start(name: "decode", stackBytes: 8 << 20) { [queue, ended, decoder, mailbox] in
            while true {
                switch queue.take(limit: .seconds(60)) {
                case .element(var work):
                    work.finished = []
                    mailbox.put(
                        .decoded(Batch(number: work.number, incoming: decoder.decode(work.records, decides: true) { queue.isOver })))
                case .nothing: continue
                case .closed:
                    ended.signal()
                    return
                }
            }
        }
    }

    /// Whether everything that was polled was taken.
    var isIdle: Bool { book.underWay == 0 && filling.count == 0 }
    /// Whether nothing more should be polled before a batch has come back.
    var isFull: Bool { book.underWay >= Self.mostUnderWay }

    /// Whether what is polled next belongs to another batch.
    var isFilled: Bool { filling.count >= Self.batch || filling.bytes >= Self.batchBytes }

    /// What was polled goes on its way; comes back at once what is so little that it is decoded here.
    /// - Parameter finished: what the engine needs no more; freed with the batch, or here when none goes on its way.
    func decode(freeing finished: consuming [Incoming]) -> [Incoming] {
        guard filling.count > 0 else { return [] }
        if book.underWay == 0, filling.count < Self.fewest { return decoder.decode(filling, decides: false) { false } }
        if !hasThread { startThread() }
        queue.put(Work(number: book.give(), records: filling, finished: finished))
        filling = FetchedRecords()
        return []
    }

    /// The records of a batch that came back, without those of partitions that were given up since.
    func take(_ batch: Batch) -> [Incoming] {
        let gone = book.take(batch.number)
        return gone.isEmpty ? batch.incoming : batch.incoming.filter { !gone.contains($0.record.topicPartition) }
    }

    /// These partitions are given up: what was polled of them and not taken yet belongs to their next owner.
    func forget(_ partitions: [TopicPartition]) {
        filling.remove(Set(partitions))
        book.forget(partitions)
    }

    /// Ends the thread and waits for it, as long as the limit says. What is on its way is lost to this process, and was never taken in.
    func close(limit: Duration) {
        filling = FetchedRecords()
        queue.close()
        // It ends after the record at hand: a record must be gone before its consumer is closed.
        if hasThread { _ = ended.wait(timeout: .now() + .milliseconds(Int(limit.wholeMilliseconds))) }
    }
}

/// Which batches are on their way, and of which partitions their records do not count any more.
struct BatchBook {
    /// Numbers of the batches that were handed over and taken back last.
    private var (given, taken): (UInt64, UInt64) = (0, 0)
    /// Partitions that were given up, with the last batch that can have records from before.
    private var forgotten: [TopicPartition: UInt64] = [:]

    /// How many batches were handed over and not taken back.
    var underWay: UInt64 { given - taken }

    /// The number of a batch that is handed over.
    mutating func give() -> UInt64 {
        given += 1
        return given
    }

    /// A batch came back, in the order in which they were given: the partitions whose records in it belong to somebody else.
    mutating func take(_ number: UInt64) -> Set<TopicPartition> {
        taken = number
        guard !forgotten.isEmpty else { return [] }
        let gone = Set(forgotten.keys)
        forgotten = forgotten.filter { $0.value > number }
        return gone
    }

    mutating func forget(_ partitions: [TopicPartition]) {
        guard underWay > 0 else { return }
        for partition in partitions { forgotten[partition] = given }
    }
}
