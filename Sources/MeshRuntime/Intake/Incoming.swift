import BotKit
import Envelopes
import Kafka

/// A record as it comes in, decoded. That depends on the record alone, so it can be done on another thread than the engine's.
///
/// A class, since it is handed on often: a copy of all that it has would count a dozen references.
final class Incoming: Sendable {
    let record: Record
    /// What came with it; nil for what carries nothing of the mesh's.
    let carried: Carried?
    /// The partition where it lay first; nil where it still lies there.
    let otherOrigin: TopicPartition?
    /// What it says; or why it cannot be read.
    let content: Result<Content, Rejection>
    /// Of the record, and of what was made of it.
    let bytes: Int
    /// Of what was made of it.
    let earlyBytes: Int

    init(record: consuming Record, carried: consuming Carried?, content: consuming Result<Content, Rejection>, earlyBytes: Int) {
        bytes = record.byteCount + earlyBytes
        self.earlyBytes = earlyBytes
        let origin = carried.map { TopicPartition($0.passport.origin.topic, $0.passport.origin.partition) }
        otherOrigin = origin == record.topicPartition ? nil : origin
        self.record = record
        self.carried = carried
        self.content = content
    }

    /// What travels with the record. Put together when it is asked for, where nothing came with it: prefer `carried` for what every record is asked.
    var passport: Passport { carried?.passport ?? Passport(first: record) }

    /// Attempts made so far.
    var attempts: Int { carried?.passport.attempts ?? 0 }
    /// The key that it had at its origin.
    var key: [UInt8]? { if let carried { carried.passport.key } else { record.key } }

    struct Content: Sendable {
        let event: Event
        /// What deduplication knows it by.
        let identity: Identity
        /// What became of it ahead of the engine; nil when the engine has to see to it.
        let decision: EarlyDecision?
        // Of the envelope. The engine asks for these of every event, and what lies further away than here was written by another processor.
        let timestamp: Timestamp
        let isReplayed: Bool
        let canExpire: Bool

        init(event: Event, identity: Identity, decision: EarlyDecision?) {
            self.event = event
            self.identity = identity
            self.decision = decision
            timestamp = event.envelope.timestamp
            isReplayed = event.envelope.replay != nil
            canExpire = event.envelope.timeToLive != nil
        }
    }

    /// What the record says; nil where it cannot be read.
    var readable: Content? { if case .success(let content) = content { content } else { nil } }

    /// The same for later: by then an early decision does not hold any more.
    var undecided: Incoming {
        Incoming(
            record: record, carried: carried,
            content: content.map { Content(event: $0.event, identity: $0.identity, decision: nil) }, earlyBytes: 0)
    }
}

/// Turns records into what the engine takes in. Any thread.
struct RecordDecoder: Sendable {
    let codec: MeshCodec
    /// nil for a bot whose decisions depend on more than the event.
    let early: EarlyHandler?
    /// What is made early of records that are decoded together, at most and one record's, and the milliseconds that it takes: the rest is handled by the engine.
    private static let (earlyBytes, earlyTime): (Int, Int64) = (1 << 20, 50)

    /// - Parameter moment: when the bot is told, where it decides early; nil: it does not.
    func decode(_ record: consuming Record, at moment: Moment?) -> Incoming {
        let topic = codec.topic(record.topic)
        return decode(record, of: topic, at: moment)
    }

    private func decode(_ record: consuming Record, of topic: InputTopic, at moment: Moment?) -> Incoming {
        decode(record, Carried.of(record, topic), of: topic, at: topic.isOwn ? nil : moment)
    }

    /// One that was decoded before, and waited.
    func decode(_ record: consuming Record, _ carried: Carried?) -> Incoming {
        let topic = codec.topic(record.topic)
        return decode(record, carried, of: topic, at: nil)
    }

    private func decode(_ record: consuming Record, _ carried: Carried?, of topic: InputTopic, at moment: Moment?) -> Incoming {
        let content: Result<Incoming.Content, Rejection>
        var earlyBytes = 0
        do throws(Rejection) {
            let envelope = try codec.decode(record, carried, of: topic)
            let event = Event(envelope: envelope, keyBytes: carried == nil ? record.key : carried?.passport.key)
            // At once: what the parser remembers is this event's payload still.
            let decision = if let moment { early?.decide(event, carried, at: moment) } else { EarlyDecision?.none }
            earlyBytes = decision?.handled?.bytes ?? 0
            content = .success(Incoming.Content(event: event, identity: Identity(envelope, carried), decision: decision))
        } catch {
            content = .failure(error)
        }
        return Incoming(record: record, carried: carried, content: content, earlyBytes: earlyBytes)
    }

    /// What comes out is without the records that were not read when it was over.
    /// - Parameter decides: whether the bot decides early.
    func decode(_ records: FetchedRecords, decides: Bool, until isOver: () -> Bool) -> [Incoming] {
        var decoded: [Incoming] = []
        decoded.reserveCapacity(records.count)
        var moment = Moment.current
        let end = moment.uptime + Self.earlyTime
        let decides = decides && early != nil
        var made = 0
        var topic: InputTopic?
        records.read(until: isOver) { record in
            // Records come many from one topic.
            let known = if let topic, topic.name == record.topic { topic } else { codec.topic(record.topic) }
            topic = known
            // Asking for the time costs as much as a field: it is asked for now and then. A bot may be slow at each record.
            if decoded.count % 16 == 15 { moment = .current }
            let isEarly = decides && made < Self.earlyBytes && Moment.roughUptime < end
            let incoming = decode(record, of: known, at: isEarly ? moment : nil)
            made += incoming.earlyBytes
            decoded.append(incoming)
        }
        return decoded
    }
}
