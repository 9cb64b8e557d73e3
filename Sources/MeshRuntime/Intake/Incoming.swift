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
    }

    init(_ record: Record, _ passport: Passport, codec: any RecordCodec) {
        self.record = record
        self.passport = passport
        do throws(Rejection) {
            let envelope = try codec.decode(record, passport)
            content = .success(
                Content(
                    event: Event(envelope: envelope, key: passport.key.flatMap { Self.text($0) }), identity: Identity(envelope, passport)))
        } catch {
            content = .failure(error)
        }
    }

    /// The text of a key; nil where it is not UTF-8. Most are ASCII, which is seen faster than it is validated.
    private static func text(_ key: [UInt8]) -> String? {
        key.allSatisfy { $0 < 0x80 } ? String(decoding: key, as: UTF8.self) : String(validating: key, as: UTF8.self)
    }
}

/// Turns records into what the engine takes in. Any thread.
struct RecordDecoder: Sendable {
    let codec: any RecordCodec
    let topics: TopicNames

    func decode(_ record: Record) -> Incoming {
        let isOwnTopic = record.topic == topics.inbox || record.topic == topics.retry
        return Incoming(record, Passport(record, isOwnTopic: isOwnTopic), codec: codec)
    }

    func decode(_ records: FetchedRecords) -> [Incoming] {
        var decoded: [Incoming] = []
        decoded.reserveCapacity(records.count)
        records.read { decoded.append(decode($0)) }
        return decoded
    }
}
