import Envelopes
import Kafka

/// A record on its way to its settlement: one reference, since it is handed on often.
enum Produced: Sendable {
    /// As it will stand in its topic.
    indirect case record(OutgoingRecord)
    /// Of an event.
    case event(OutgoingEvent)

    var topic: String {
        switch self {
        case .record(let record): record.topic
        case .event(let event): event.topic
        }
    }

    var isEvent: Bool { if case .event = self { true } else { false } }

    /// Whether it goes with the event before it (`OutgoingEvent.isAside`).
    var isAside: Bool { if case .event(let event) = self { event.isAside } else { false } }

    /// The same, saying of an event that it may come behind later results of its key.
    var markedReordered: Produced {
        guard case .event(let event) = self else { return self }
        return .event(event.markedReordered)
    }

    /// The same of a record in a bot's inbox, for what comes of it.
    var markedOvertaken: Produced {
        guard case .record(var record) = self, !record.headers.contains(where: { $0.name == RecordHeader.overtaken }) else { return self }
        record.headers.append(Header(RecordHeader.overtaken, text: "1"))
        return .record(record)
    }

    /// Its bytes; of an event, no fewer than it will have.
    var byteCount: Int {
        switch self {
        case .record(let record): record.byteCount
        case .event(let event): event.mostBytes
        }
    }
}

/// The record of an event, which is written only when it is handed to librdkafka: until then nothing of it is copied.
final class OutgoingEvent: Sendable {
    let envelope: Envelope
    let key: String?
    let partition: Int32?
    /// Headers beside those of the envelope.
    let marks: Headers
    /// It will have no more bytes than these.
    let mostBytes: Int
    /// Whether it is a notification that a rule of the configuration asks for: it goes with the event before it, and is none of the bot's own results.
    let isAside: Bool

    init(_ envelope: Envelope, key: String?, partition: Int32? = nil, marks: Headers = Headers(), isAside: Bool = false) {
        self.envelope = envelope
        self.key = key
        self.partition = partition
        self.marks = marks
        self.isAside = isAside
        mostBytes = Self.codec.mostBytes(of: envelope) + (key?.utf8.count ?? 0) + marks.byteCount
    }

    /// Of results that may come behind those of later inputs of their key: their input went through the retry topic, or they were written again.
    static let reordered = Header(RecordHeader.reordered, text: "1")

    /// The same with that header.
    var markedReordered: OutgoingEvent {
        if marks.contains(Self.reordered) { return self }
        return OutgoingEvent(envelope, key: key, partition: partition, marks: marks + [Self.reordered], isAside: isAside)
    }

    /// For writing only: no limit counts.
    private static var codec: EnvelopeCodec { EnvelopeCodec() }

    /// As it will stand in its topic.
    var record: OutgoingRecord {
        var headers = Headers()
        giveHeaders { headers.append($0, $1) }
        return OutgoingRecord(
            topic: topic, partition: partition, key: key.map { Array($0.utf8) }, value: Self.codec.value(of: envelope), headers: headers)
    }

    private func giveHeaders(to header: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>?) -> Void) {
        Self.codec.headers(of: envelope) { header($0, $1) }
        if !marks.isEmpty { marks.withEach(header) }
    }
}

extension OutgoingEvent: Producible {
    var topic: String { envelope.type.name }
    var timestampMilliseconds: Int64? { nil }

    func withKeyAndValue<Result>(_ body: (UnsafeBufferPointer<UInt8>?, UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        Self.codec.withValue(of: envelope) { value in
            guard var key else { return body(nil, value) }
            return key.withUTF8 { body($0, value) }
        }
    }

    func addHeaders(to list: inout HeaderList) { giveHeaders { list.add($0, $1) } }
}

extension Producer {
    /// Queues it, as `send` of a record does.
    func send(_ produced: Produced, token: UInt64, patience: Duration) throws(KafkaError) {
        switch produced {
        case .record(let record): try send(record, token: token, patience: patience)
        case .event(let event): try send(event, token: token, patience: patience)
        }
    }
}
