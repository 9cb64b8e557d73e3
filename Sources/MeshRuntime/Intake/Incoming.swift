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
        let early: EarlyDecision?
    }
}

/// Turns records into what the engine takes in. Any thread.
struct RecordDecoder: Sendable {
    let codec: any RecordCodec
    let topics: TopicNames
    /// nil for a bot whose decisions depend on more than the event.
    let early: EarlyHandler?
    /// What is made early of records that are decoded together, at most and one record's: the rest is handled when the engine has room.
    private static let earlyBytes = 1 << 20

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
            content = .success(Incoming.Content(event: event, identity: Identity(envelope, passport), early: decision))
        } catch {
            content = .failure(error)
        }
        return Incoming(record: record, passport: passport, content: content)
    }

    /// The text of a key; nil where it is not UTF-8. Most are ASCII, which is seen faster than it is validated.
    private static func text(_ key: [UInt8]) -> String? {
        key.allSatisfy { $0 < 0x80 } ? String(decoding: key, as: UTF8.self) : String(validating: key, as: UTF8.self)
    }

    func decode(_ records: FetchedRecords) -> [Incoming] {
        var decoded: [Incoming] = []
        decoded.reserveCapacity(records.count)
        let moment = Moment.current
        var made = 0
        records.read { record in
            let incoming = decode(record, at: made < Self.earlyBytes ? moment : nil)
            if case .success(let content) = incoming.content { made += content.early?.handled?.bytes ?? 0 }
            decoded.append(incoming)
        }
        return decoded
    }
}
