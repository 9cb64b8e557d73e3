import BotKit
import Envelopes
import Kafka

/// A record as it comes in, decoded. That depends on the record alone, so it can be done on another thread than the engine's.
struct Incoming: Sendable {
    let record: Record
    let passport: Passport
    /// What it says; or why it cannot be read.
    let content: Result<Content, Rejection>

    struct Content: Sendable {
        let event: Event
        /// What deduplication knows it by.
        let identity: Identity
        /// What became of it ahead of the engine; nil when the engine has to see to it.
        let decision: EarlyDecision?
    }

    /// The same for later: by then an early decision does not hold any more.
    var undecided: Incoming {
        Incoming(
            record: record, passport: passport,
            content: content.map { Content(event: $0.event, identity: $0.identity, decision: nil) })
    }
}

/// Turns records into what the engine takes in. Any thread.
struct RecordDecoder: Sendable {
    let codec: any RecordCodec
    let topics: TopicNames
    /// nil for a bot whose decisions depend on more than the event.
    let early: EarlyHandler?
    /// What is made early of records that are decoded together, at most and one record's, and the milliseconds that it takes: the rest is handled by the engine.
    private static let (earlyBytes, earlyTime): (Int, Int64) = (1 << 20, 50)

    /// - Parameter moment: when the bot is told, where it decides early; nil: it does not.
    func decode(_ record: Record, at moment: Moment?) -> Incoming {
        let isOwnTopic = record.topic == topics.inbox || record.topic == topics.retry
        return decode(record, Passport(record, isOwnTopic: isOwnTopic), at: isOwnTopic ? nil : moment)
    }

    func decode(_ record: Record, _ passport: Passport, at moment: Moment? = nil) -> Incoming {
        let content: Result<Incoming.Content, Rejection>
        do throws(Rejection) {
            let envelope = try codec.decode(record, passport)
            let event = Event(envelope: envelope, key: passport.key.flatMap { Self.text($0) })
            // At once: what the parser remembers is this event's payload still.
            let decision = moment.flatMap { early?.decide(event, passport, at: $0) }
            content = .success(Incoming.Content(event: event, identity: Identity(envelope, passport), decision: decision))
        } catch {
            content = .failure(error)
        }
        return Incoming(record: record, passport: passport, content: content)
    }

    /// The text of a key; nil where it is not UTF-8. Most are ASCII, which is seen faster than it is validated.
    private static func text(_ key: [UInt8]) -> String? {
        key.allSatisfy { $0 < 0x80 } ? String(decoding: key, as: UTF8.self) : String(validating: key, as: UTF8.self)
    }

    /// What comes out is without the records that were not read when it was over.
    /// - Parameter decides: whether the bot decides early.
    func decode(_ records: FetchedRecords, decides: Bool, until isOver: () -> Bool) -> [Incoming] {
        var decoded: [Incoming] = []
        decoded.reserveCapacity(records.count)
        var moment = Moment.current
        let start = moment.uptime
        var made = 0
        records.read(until: isOver) { record in
            // Asking for the time costs as much as a field: it is asked for now and then.
            if decoded.count % 16 == 15 { moment = .current }
            let isEarly = decides && made < Self.earlyBytes && moment.uptime - start < Self.earlyTime
            let incoming = decode(record, at: isEarly ? moment : nil)
            if case .success(let content) = incoming.content { made += content.decision?.handled?.bytes ?? 0 }
            decoded.append(incoming)
        }
        return decoded
    }
}
