import Kafka

/// The passport of a record that came with one, of the mesh's making: it was tried or handled before, or put back. Most records come with none, and take no room for it.
final class Carried: Sendable {
    let passport: Passport

    init(_ passport: Passport) { self.passport = passport }

    /// What `record` carries; nil where it carries nothing of the mesh's, and its passport says no more than the record does.
    static func of(_ record: borrowing Record, _ topic: InputTopic) -> Carried? {
        guard topic.isRetry || Passport.mayHaveOwn(record.headers) else { return nil }
        var passport = Passport(record, isOwnTopic: topic.isOwn)
        if topic.isRetry { passport.cameByRetry = true }
        return Carried(passport)
    }
}
