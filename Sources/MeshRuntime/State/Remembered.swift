import Envelopes
import Kafka

/// What is to be known of the last records of a partition that were finished: nothing of what they say, so that many partitions can be read at once.
struct Remembered: Sendable {
    private(set) var done: [(offset: Int64, identity: Identity)] = []
    /// Of the topic of schedules: the ticks that stand there.
    private(set) var ticks: [EventID] = []

    /// Keeps the last `count`, or some more, of those that are finished, and of the ticks, finished or not.
    mutating func take(_ record: Record, _ finished: FinishedHistory, _ decoder: RecordDecoder, atMost count: Int) {
        let (isFinished, isTick) = (finished.contains(record.offset), record.topic == decoder.codec.topics.schedule)
        guard isFinished || isTick else { return }
        // A record that cannot be decoded was dead-lettered, and has no identity to remember.
        guard let content = decoder.decode(record, at: nil).readable else { return }
        if isFinished { Self.append((record.offset, content.identity), to: &done, atMost: count) }
        if isTick { Self.append(content.event.envelope.id, to: &ticks, atMost: count) }
    }

    private static func append<Element>(_ element: Element, to list: inout [Element], atMost count: Int) {
        if list.count >= count + count / 4 + 1 { list.removeFirst(list.count - count) }
        list.append(element)
    }
}
