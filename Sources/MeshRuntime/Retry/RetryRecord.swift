import BotKit
import Envelopes
import Kafka

/// Makes records of the bot's own topics: a record that is tried again later, a reminder, an input forwarded to the inbox. Key, value and headers of
/// the origin go along, so that the last attempt reads what the first one read.
struct OwnRecords: Sendable {
    let settings: RuntimeSettings

    /// The input again, not before `notBefore`.
    func retry(_ record: Record, _ passport: Passport, key: [UInt8]?) -> OutgoingRecord {
        OutgoingRecord(
            topic: settings.topics.retry, key: key, value: record.value, headers: passport.ownHeaders(group: settings.group))
    }

    /// The same record again at the end of the same partition.
    func carriedOn(_ record: Record) -> OutgoingRecord {
        OutgoingRecord(topic: record.topic, partition: record.partition, key: record.key, value: record.value, headers: record.headers)
    }

    /// The input for the aggregate's lane.
    func forwarded(_ record: Record, _ passport: Passport, aggregate: String) -> OutgoingRecord {
        var passport = passport
        passport.aggregate = aggregate
        passport.notBefore = nil
        return OutgoingRecord(
            topic: settings.topics.inbox, key: Array(aggregate.utf8), value: record.value,
            headers: passport.ownHeaders(group: settings.group))
    }

    /// A reminder that `job` sets.
    func reminder(_ reminder: Reminder, id: EventID, of job: Job, due: Timestamp) -> OutgoingRecord {
        var passport = job.incoming.passport
        passport.attempts = 0
        passport.firstFailure = nil
        passport.produced = [:]
        passport.notBefore = due
        passport.reminder = Passport.DueReminder(reminder: reminder, id: id.text)
        return retry(job.record, passport, key: passport.aggregate.map { Array($0.utf8) } ?? passport.key)
    }
}
