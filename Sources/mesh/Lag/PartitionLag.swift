import Envelopes
import Kafka

/// How far one group has come in one partition, at one moment.
struct PartitionLag: Sendable, Equatable {
    /// What the group has committed there.
    enum Committed: Sendable, Equatable {
        case offset(Int64)
        /// Nothing yet: the group begins at the partition's oldest record.
        case nothing
        case unknown
    }
    /// What the group has not read yet begins with this record.
    enum Unread: Sendable, Equatable {
        /// There is no such record: between the committed offset and the end are only marks of transactions.
        case nothing
        /// Written at this time; nil when the record does not say.
        case since(Timestamp?)
        /// It belongs to a transaction that is not over, so that nobody can read it yet.
        case inTransaction
        case unknown
    }

    let group: String
    let partition: TopicPartition
    var committed: Committed = .unknown
    /// nil: not known.
    var marks: Watermarks?
    var unread: Unread = .unknown
    /// Before this time the first record that is not read is not to be handled: a retry, or a reminder. nil where it may be at once, or where that is not known.
    var due: Timestamp?

    /// Where the group reads on; nil when that is not known.
    var position: Int64? {
        switch committed {
        case .offset(let offset): max(offset, marks?.low ?? offset)
        case .nothing: marks?.low
        case .unknown: nil
        }
    }

    /// Offsets between the committed one and the end; 0 where none of them is a record. nil: not known, which is never 0.
    var records: Int64? {
        guard let position, let marks else { return nil }
        return unread == .nothing ? 0 : max(0, marks.high - position)
    }

    /// The age of the first record that is not read; zero when there is none, nil when it is not known.
    func behind(at now: Timestamp) -> Duration? {
        guard let records else { return nil }
        if records == 0 { return .zero }
        guard case .since(let written?) = unread else { return nil }
        return max(.zero, now.duration(since: written))
    }

    /// How long the first record that is not read has to wait for its time; nil when it need not, or when that is not known.
    func wait(at now: Timestamp) -> Duration? {
        guard records.map({ $0 > 0 }) ?? false, let due, due > now else { return nil }
        return due.duration(since: now)
    }

    /// Whether the partition has ever held a record, or anything was committed.
    var isUsed: Bool { marks.map { $0.high > 0 } ?? true || committed != .nothing }
}

/// All groups that were looked at, at one moment.
struct LagSample: Sendable {
    let wall: Timestamp
    /// Of the monotonic clock.
    let time: ContinuousClock.Instant
    var rows: [PartitionLag]
    /// Who owns what, and how it stands.
    let instances: [InstanceStatus]
    /// What could not be found out, in words for people.
    var troubles: [String] = []
}

/// Who reads which partition, as the instances themselves say.
struct PartitionOwners {
    private struct Key: Hashable {
        let group: String
        let partition: String
    }
    private var owners: [Key: InstanceStatus] = [:]

    init(_ instances: [InstanceStatus]) {
        for status in instances where status.standing.isAlive {
            for name in status.record.partitions { owners[Key(group: status.record.bot, partition: name)] = status }
        }
    }

    subscript(row: PartitionLag) -> InstanceStatus? { owners[Key(group: row.group, partition: row.partition.description)] }
}
