import Envelopes
import Kafka

/// The record that puts a dead letter back: on `retry.<bot>`, which nobody but that bot reads, with the headers that a retry has, so that ids,
/// deduplication and the first origin are those of the first attempt.
enum RedriveRecord {
    /// Why a dead letter cannot be put back.
    enum Refusal: String, Error, CaseIterable, Sendable {
        case noBot = "no bot of this mesh wrote it"
        case noOrigin = "it does not say where it came from"
        case oversized = "its value was too large to be kept: replay it from its origin"
        case noTopic = "its bot has no retry topic here"

        var code: String {
            switch self {
            case .noBot: "no-bot"
            case .noOrigin: "no-origin"
            case .oversized: "oversized"
            case .noTopic: "no-topic"
            }
        }
    }

    /// `partitions` are those of the broker's topics.
    static func make(_ letter: DeadLetter, partitions: [String: Int32]) throws(Refusal) -> OutgoingRecord {
        guard let bot = letter.bot else { throw .noBot }
        guard let origin = letter.origin else { throw .noOrigin }
        guard !letter.isOversized else { throw .oversized }
        let topic = OwnTopic.retryTopic(of: bot)
        guard let count = partitions[topic], count > 0 else { throw .noTopic }
        var headers = letter.record.headers.filter { !dropped.contains($0.name) }
        headers.append(Header(RecordHeader.redrives, text: String(letter.redrives + 1)))
        if let key = letter.record.key {
            headers.append(Header(RecordHeader.key, key))
        } else {
            headers.append(Header(RecordHeader.keyIsNull, text: "1"))
        }
        // Without a key the partition is chosen by the origin: the same dead letter always goes to the same one.
        return OutgoingRecord(
            topic: topic, partition: letter.record.key == nil ? max(0, origin.partition) % count : nil, key: letter.record.key,
            value: letter.record.value, headers: Headers(headers))
    }

    /// What speaks of the failure, and what is written anew. Attempts begin again at the first.
    private static let dropped: Set<String> = [
        RecordHeader.exceptionName, RecordHeader.exceptionMessage, RecordHeader.exceptionTrace, RecordHeader.bot, RecordHeader.attempts,
        RecordHeader.errorCode, RecordHeader.redrives, RecordHeader.notBefore, RecordHeader.key, RecordHeader.keyIsNull,
    ]
}
