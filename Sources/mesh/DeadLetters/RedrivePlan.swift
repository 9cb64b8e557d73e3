import Envelopes
import Kafka

/// What a redrive would do: which of the dead letters that are meant go back, and why the others do not. The same decision serves `--dry-run` and the
/// redrive itself, so they agree.
struct RedrivePlan {
    /// What becomes of one dead letter.
    enum Verdict {
        case goes(OutgoingRecord)
        case stays(Reason)
    }

    enum Reason: Hashable {
        case redriven, purged, quarantined
        case refused(RedriveRecord.Refusal)
        /// `--max` is reached.
        case beyondMaximum

        /// The code under which the audit keeps that somebody asked for it and was refused; nil where nothing was refused.
        var refusal: String? {
            switch self {
            case .quarantined: "quarantined"
            case .refused(let refusal): refusal.code
            case .redriven, .purged, .beyondMaximum: nil
            }
        }
    }

    struct Group: Hashable {
        let bot: String
        let code: String
        let target: String
    }

    /// Partitions of the broker's topics.
    let partitions: [String: Int32]
    /// Also what is quarantined.
    let isForced: Bool
    let maximum: Int?
    private(set) var going = 0
    private(set) var groups: [Group: Int] = [:]
    private(set) var staying: [Reason: Int] = [:]
    /// Those of `staying` that the redrive itself refuses, by bot; what has no room counts as one bot's without a name.
    private(set) var refusals: [Redrive.Refusal: Int] = [:]
    private static let mostRefusals = 200
    private(set) var first: DeadLetter?
    private(set) var last: DeadLetter?
    /// Of all dead letters that were looked at, also those that are not meant.
    var names = SeenNames()

    init(partitions: [String: Int32], isForced: Bool, maximum: Int?) {
        self.partitions = partitions
        self.isForced = isForced
        self.maximum = maximum
    }

    /// Decides about the next dead letter that is meant, and counts it.
    mutating func add(_ entry: DeadLetterBox.Entry) -> Verdict {
        let verdict = decide(entry)
        switch verdict {
        case .stays(let reason):
            staying[reason, default: 0] += 1
            if let code = reason.refusal { refuse(entry.letter.bot ?? "", code) }
        case .goes(let record):
            let letter = entry.letter
            going += 1
            groups[Group(bot: letter.bot ?? "", code: letter.code, target: record.topic), default: 0] += 1
            if first.map({ letter.timestamp < $0.timestamp }) ?? true { first = letter.withoutContent }
            if last.map({ letter.timestamp >= $0.timestamp }) ?? true { last = letter.withoutContent }
        }
        return verdict
    }

    private mutating func refuse(_ bot: String, _ code: String) {
        let refusal = Redrive.Refusal(bot: bot, code: code)
        let hasRoom = refusals[refusal] != nil || refusals.count < Self.mostRefusals
        refusals[hasRoom ? refusal : Redrive.Refusal(bot: "", code: code), default: 0] += 1
    }

    private func decide(_ entry: DeadLetterBox.Entry) -> Verdict {
        switch entry.state {
        case .redriven: return .stays(.redriven)
        case .purged: return .stays(.purged)
        case .quarantined where !isForced: return .stays(.quarantined)
        case .open, .quarantined: break
        }
        let record: OutgoingRecord
        do throws(RedriveRecord.Refusal) {
            record = try RedriveRecord.make(entry.letter, partitions: partitions)
        } catch {
            return .stays(.refused(error))
        }
        if let maximum, going >= maximum { return .stays(.beyondMaximum) }
        return .goes(record)
    }

    /// Dead letters that are meant and cannot go: a person has to look at them.
    var refused: Int {
        staying.reduce(0) { sum, pair in if case .refused = pair.key { sum + pair.value } else { sum } }
    }
}

extension DeadLetter {
    /// The same without key and value, for whoever keeps it only to name it.
    var withoutContent: DeadLetter {
        DeadLetter(
            Record(
                topicPartition: record.topicPartition, offset: record.offset, key: nil, value: nil, headers: record.headers,
                timestamp: record.timestamp))
    }
}
