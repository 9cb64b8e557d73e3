import Envelopes
import Kafka

/// Where a dead letter lies in `mesh.dlq`: as kcat shows it, partition and offset.
struct DeadLetterPlace: Hashable, Comparable, Sendable, CustomStringConvertible {
    let partition: Int32
    let offset: Int64

    /// Understands `3@10482`, and `mesh.dlq[3]@10482` as messages write it; nil for anything else.
    init?(_ text: String) {
        var text = Substring(text)
        let beginning = OwnTopic.deadLetters + "["
        if text.hasPrefix(beginning) {
            text = text.dropFirst(beginning.count)
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            text.remove(at: bracket)
        }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, let partition = Int32(parts[0]), let offset = Int64(parts[1]) else { return nil }
        guard partition >= 0, offset >= 0 else { return nil }
        self.init(partition: partition, offset: offset)
    }

    init(partition: Int32, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }

    static func < (left: DeadLetterPlace, right: DeadLetterPlace) -> Bool {
        (left.partition, left.offset) < (right.partition, right.offset)
    }

    var description: String { "\(partition)@\(offset)" }
}

/// A record of `mesh.dlq`: what was given up, where it came from, and why.
struct DeadLetter: Sendable {
    let record: Record
    /// The bot that gave it up; nil when the record does not say, so that no bot of this mesh wrote it.
    let bot: String?
    /// `mesh_error_code`, else `unknown`.
    let code: String
    let message: String
    /// Which instance gave it up, at which attempt.
    let trace: String?
    let origin: RecordOrigin?
    let attempts: Int?
    /// Milliseconds since 1970-01-01T00:00:00Z.
    let firstFailure: Int64?
    /// How often it was put back before.
    let redrives: Int

    init(_ record: Record) {
        func number(_ name: String) -> Int64? { record.text(name).flatMap { Int64($0) } }
        self.record = record
        bot = record.text(RecordHeader.bot).flatMap { $0.isEmpty ? nil : $0 }
        code = record.text(RecordHeader.errorCode) ?? "unknown"
        message = record.text(RecordHeader.exceptionMessage) ?? ""
        trace = record.text(RecordHeader.exceptionTrace)
        attempts = number(RecordHeader.attempts).flatMap { Int(exactly: $0) }
        firstFailure = number(RecordHeader.firstFailure)
        redrives = Int(min(max(0, number(RecordHeader.redrives) ?? 0), 1_000_000))
        origin = RecordOrigin(record)
    }

    var place: DeadLetterPlace { DeadLetterPlace(partition: record.partition, offset: record.offset) }
    /// When it was given up: milliseconds since 1970-01-01T00:00:00Z; -1 when the record does not say.
    var timestamp: Int64 { record.timestamp.milliseconds }

    /// The envelope as its bot read it, or why it is none.
    func envelope() -> Result<Envelope, DecodeError> {
        let headers = record.headers.filter { !RecordHeader.isOwn($0.name) }.map { EnvelopeHeader($0.name, $0.value) }
        // A reminder's origin may be a topic of the bot's own, which carries events of any type.
        let isOwn = origin.map { $0.topic.hasPrefix("retry.") || $0.topic.hasPrefix("inbox.") } ?? true
        do throws(DecodeError) {
            return .success(
                try EnvelopeCodec().decode(
                    value: record.value, headers: headers, topic: origin?.topic ?? record.topic,
                    partition: origin?.partition ?? record.partition, offset: origin?.offset ?? record.offset,
                    timestamp: origin?.timestamp, expecting: isOwn ? .any : .topic))
        } catch {
            return .failure(error)
        }
    }

    /// Whether its value was too large for `mesh.dlq`, so that only its size and digest are here.
    var isOversized: Bool { record.value?.starts(with: Array(#"{"mesh_oversized":true,"#.utf8)) ?? false }
}

extension RecordOrigin: CustomStringConvertible {
    var description: String { TopicPartition(topic, partition).at(offset) }
}
