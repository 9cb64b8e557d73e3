import BotKit
import Kafka

/// Settlements fail one after another: nothing is committed until they go through.
struct SettleTrouble: Sendable, Equatable {
    /// For `/ready`: what cannot be written, and why.
    var message: String
    /// The same, of the last failure that named a topic: librdkafka follows a refusal by errors of its own, which say less.
    var refusal: String?
    /// Since when, on the monotonic clock.
    let since: Int64
    /// When the alarm was last raised; nil: not yet.
    var lastAlarm: Int64?

    /// How long it lasts before it is an alarm, and how often the alarm is repeated, in milliseconds.
    static let alarmAfter: Int64 = 5_000
    static let alarmEvery: Int64 = 30_000

    var isAlarm: Bool { lastAlarm != nil }

    /// What people are told: a refusal, which needs somebody; and of a commit that failed because a record did, the record's own error, which says why.
    static func cause(_ error: KafkaError, _ unwritten: [Unwritten]) -> KafkaError {
        if let refused = unwritten.first(where: { $0.error.isRefusal }) { return refused.error }
        guard error.name == "_INCONSISTENT" else { return error }
        // What is purged beside a record that failed is only a consequence.
        return (unwritten.first { $0.error.isTimeout } ?? unwritten.first)?.error ?? error
    }
}

extension Engine {
    /// A settlement failed. The first failure is told at once, one that lasts as an error, once in a while.
    func noteTrouble(_ error: KafkaError, of count: Int, _ unwritten: [Unwritten], pause: Int64, at moment: Moment) {
        // Those of which the others' failures are the consequence.
        let topics = Set(unwritten.filter { $0.error.isRefusal || $0.error.isTimeout }.map(\.topic))
        let names = topics.sorted().joined(separator: ", ")
        let what = topics.isEmpty ? "results cannot be settled" : "\(names) cannot be written"
        let isNew = trouble == nil
        var now = trouble ?? SettleTrouble(message: "", since: moment.uptime)
        let message = "\(what), and so nothing is committed: \(error)"
        if !topics.isEmpty { now.refusal = message }
        now.message = topics.isEmpty ? now.refusal.map { "\($0); then: \(error)" } ?? message : message
        if isNew {
            let what =
                switch settings.delivery {
                case .exactlyOnce: "nothing of a settlement of \(count) results is visible"
                case .atLeastOnce: "a settlement of \(count) results is not known to be visible as a whole"
                }
            log(error.isStaleMember ? .info : .warn, "\(contract.name): \(what): \(error); again in \(pause) ms")
        } else if moment.uptime - (now.lastAlarm ?? .min / 2) >= SettleTrouble.alarmEvery,
            moment.uptime - now.since >= SettleTrouble.alarmAfter
        {
            now.lastAlarm = moment.uptime
            let remedy = now.refusal == nil ? "" : " A topic that is missing is made by 'mesh topics apply'; 'mesh doctor' tells more."
            log(
                .error,
                "\(contract.name): for \((moment.uptime - now.since) / 1_000) s \(now.message). It is tried again every 2 s.\(remedy)")
        }
        trouble = now
    }

    /// So many records of a settlement may be there: whoever has their partitions then writes them again.
    func noteUnknown(_ count: Int) {
        guard count > 0 else { return }
        log(
            .warn, "\(contract.name): the broker has not answered for \(count) records: \(RuntimeSettings.mayBeTwice)",
            [("records", String(count))])
    }

    func endTrouble() {
        guard let ended = trouble else { return }
        trouble = nil
        log(.info, "\(contract.name): results are settled again", ended.isAlarm ? [("alarm", "over")] : [])
    }

    /// What failed to settle belongs to others now, or was given up.
    func dropTrouble() {
        settleAgain = (0, 0)
        guard let ended = trouble else { return }
        trouble = nil
        if ended.isAlarm { log(.info, "\(contract.name): what could not be settled is not here any more", [("alarm", "over")]) }
    }
}
