import BotKit
import Envelopes
import Kafka

/// A retry partition's commit must move on although records wait in it for their time.
extension Engine {
    /// Where finished records lie between many waiting ones, the lowest waiting ones are written again at the end of their partition, so that what the
    /// commit carries stays small.
    func carryOnWaiting() {
        guard draining == nil else { return }
        for partition in partitions.values where partition.role == .retry && partition.waiting > 0 && !partition.isLeaving {
            guard let commit = partition.ledger.committable, commit.finished.count > settings.limits.carryOnBytes / 30 else { continue }
            let text = CommitMetadata.text(committed: commit.offset, finished: commit.finished)
            guard text.utf8.count > settings.limits.carryOnBytes else { continue }
            // Everything below the middle range: half of the ranges fall away.
            let border = commit.finished[commit.finished.count / 2].lowerBound
            let moved = schedule.remove { $0.partition === partition && $0.record.offset < border }
            for (waiting, _) in moved {
                partition.waitsNoMore(waiting.record)
                unsettled.append(carriedOn(waiting.record, waiting.passport, partition))
            }
        }
    }

    /// A record of a retry partition, written again at its end.
    func carriedOn(_ record: Record, _ passport: Passport, _ partition: AssignedPartition) -> SettleItem {
        // Its place is finished and it is not done: who restores the partition must not take its copy for a repeat.
        let records = [.record(ownRecords.carriedOn(record))] + noteNotDone(record.offset, partition)
        return SettleItem(
            .carriedOn, records: records, partition: partition, offset: record.offset, source: .init(record: record, passport: passport))
    }
}
