import KafkaProtocol

/// A segment that is to be cleaned, as the cleaning thread knows it.
struct CleaningSource: Sendable, Equatable {
    var baseOffset: Int64
    /// Where the next segment begins.
    var endOffset: Int64
    /// Bytes.
    var size: Int
}

/// What one run cleans, and with what. Made on the broker's thread, followed on the cleaning thread.
struct CleaningPlan: Sendable {
    var directory: String
    /// All segments from the log's start up to where the run may go.
    var sources: [CleaningSource]
    /// Before it, each key stands once.
    var firstDirty: Int64
    var segmentBytes: Int
    var indexIntervalBytes: Int
    var mapBytes: Int
    /// How many bytes the file system must have left when a cleaned segment is written.
    var reservedBytes: Int
    /// What the disk still takes, for tests; nil without limit.
    var simulatedSpace: Int?
    var deleteRetentionMs: Int64
    /// Milliseconds since 1970.
    var now: Int64
    var secret: KeyHash.Secret
    var aborted: [AbortedTransaction]
    var producers: ProducerEnds
    /// Of the log.
    var logEndOffset: Int64

    /// Where the run ends when its map takes all keys.
    var end: Int64 { sources.last?.endOffset ?? firstDirty }

    /// Where the log began when the plan was made.
    var start: Int64 { sources.first?.baseOffset ?? firstDirty }

    func path(_ source: CleaningSource) -> String { directory + "/" + Segment.name(source.baseOffset) + SegmentFile.log.rawValue }

    /// Neighbours up to an offset that together make one segment.
    func groups(below end: Int64) -> [[CleaningSource]] {
        var groups: [[CleaningSource]] = []
        var group: [CleaningSource] = []
        var bytes = 0
        for source in sources where source.baseOffset < end {
            if let first = group.first,
                bytes + source.size > segmentBytes || source.endOffset - 1 - first.baseOffset > Segment.maximumRelativeOffset
            {
                groups.append(group)
                (group, bytes) = ([], 0)
            }
            group.append(source)
            bytes += source.size
        }
        if !group.isEmpty { groups.append(group) }
        return groups
    }
}
