/// How far a group has come in a partition.
struct CommittedOffset: Equatable {
    var offset: Int64
    /// Of the last record that was read, or -1.
    var leaderEpoch: Int32
    var metadata: String
    /// Milliseconds since 1970.
    var commitTimestamp: Int64
    /// Milliseconds since 1970, where an old client asked for it; else -1.
    var expireTimestamp: Int64
    /// The place of the commit in the log, relative to other commits.
    var order: Int64

    init(_ value: OffsetCommitValue, order: Int64) {
        offset = value.offset
        leaderEpoch = value.leaderEpoch
        metadata = value.metadata
        commitTimestamp = value.commitTimestamp
        expireTimestamp = value.expireTimestamp
        self.order = order
    }
}
