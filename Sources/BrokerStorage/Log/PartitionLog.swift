import KafkaProtocol

/// The records of a partition. On the broker's thread.
public final class PartitionLog {
    public let partition: TopicPartition
    public let topicID: WireUUID
    public var settings: LogSettings
    /// There is one broker, which leads always.
    public let leaderEpoch: Int32 = 0
    /// The first offset that can be read.
    public internal(set) var startOffset: Int64
    /// What the next record gets.
    public internal(set) var endOffset: Int64
    /// Called when the high watermark or the last stable offset has moved.
    public var onAdvance: (() -> Void)?

    let directory: String
    let context: StorageContext
    /// By their base offsets; the last one is appended to. Never empty.
    var segments: [Segment]
    var producers: ProducerState
    /// Everything below survives a power cut.
    var syncedOffset: Int64
    /// Why nothing can be appended any more.
    public internal(set) var failure: StorageError?
    /// Whether the store was told that there is something to sync.
    var isDirty = false
    /// Whether files were made or removed since the directory was synced.
    var isDirectoryDirty = false
    var isDeleted = false
    /// What the manifest says.
    var checkpoint: Checkpoint
    /// What the manifest will say when its present round is through.
    var nextCheckpoint: Checkpoint?
    /// Before it, each key of a compacted log stands once: what the cleaner has done.
    var firstDirty: Int64
    /// Everything below is decided, and was when a round of syncs began that has ended.
    var syncedStableOffset: Int64
    /// Whether cleaned files are about to take the place of segments, which then must stay.
    var isSwapping = false
    /// Appended since the last checkpoint.
    var uncheckedBytes = 0
    var isCheckpointChosen = false
    /// Whether retention waits for the recovery point.
    var awaitsCheckpoint = false
    private var lastSeenEnd: Int64
    /// Where recent reads ended.
    var recentEnds = RecentPlaces()

    init(
        _ partition: TopicPartition, topicID: WireUUID, settings: LogSettings, directory: String, context: StorageContext,
        recovered: RecoveredLog
    ) {
        self.partition = partition
        self.topicID = topicID
        self.settings = settings
        self.directory = directory
        self.context = context
        segments = recovered.segments
        startOffset = recovered.startOffset
        endOffset = recovered.endOffset
        syncedOffset = recovered.endOffset
        producers = recovered.producers
        checkpoint = recovered.checkpoint
        firstDirty = recovered.firstDirty
        lastSeenEnd = recovered.endOffset
        syncedStableOffset = recovered.isDirty ? 0 : recovered.producers.firstUndecided ?? recovered.endOffset
        producers.settle(highWatermark: endOffset)
    }

    /// What is safe as the flush policy understands it: everything, or in strict mode what is synced.
    public var highWatermark: Int64 { context.settings.syncsBeforeAcknowledging ? syncedOffset : endOffset }

    /// The end of what is decided: where the oldest open transaction begins, else the high watermark. Retention and DeleteRecords may have taken that
    /// beginning away: a reader who is sent there would be out of range, so it is never before the start.
    public var lastStableOffset: Int64 { max(startOffset, min(producers.firstUndecided ?? Int64.max, highWatermark)) }

    /// Bytes.
    public var size: Int { segments.reduce(0) { $0 + $1.size } }

    public var segmentCount: Int { segments.count }

    /// Transactions that have records here and are not decided, the oldest first.
    public var openTransactions: [(producerID: Int64, epoch: Int16, firstOffset: Int64)] {
        producers.undecided.filter { $0.endOffset == nil }
            .map { ($0.producerID, producers.entries[$0.producerID]?.epoch ?? -1, $0.firstOffset) }
    }

    public var activeProducers: [(producerID: Int64, epoch: Int16, lastSequence: Int32)] {
        producers.entries.values.map { ($0.producerID, $0.epoch, $0.lastSequence) }.sorted { $0.0 < $1.0 }
    }

    var active: Segment { segments[segments.count - 1] }

    /// Tells the store that there is something to sync.
    func becomeDirty() {
        guard !isDirty else { return }
        isDirty = true
        context.dirty.append(self)
    }

    /// Takes no more data.
    func fail(_ error: StorageError) {
        guard failure == nil else { return }
        failure = error
        context.report(.failed(partition, error))
    }

    /// Whether the recovery point should move: the log is quiet since the last look, or has much that would have to be read after a crash.
    func chooseCheckpoint(always: Bool) -> Bool {
        let isQuiet = lastSeenEnd == endOffset
        lastSeenEnd = endOffset
        let isNew = checkpoint.offset != endOffset || checkpoint.segmentBase != active.baseOffset
        // The cleaner may go no further than to the recovery point, and retention neither.
        let isAwaited = awaitsCheckpoint || settings.cleanupPolicy.contains(.compact) && checkpoint.segmentBase != active.baseOffset
        let isMuch = uncheckedBytes >= context.settings.checkpointBytes
        isCheckpointChosen = failure == nil && isNew && (always || isQuiet || isMuch || isAwaited)
        return isCheckpointChosen
    }

    /// Takes no more data and closes the files; readers that have them go on.
    func close() {
        isDeleted = true
        onAdvance = nil
        for segment in segments { context.files.close(segment) }
    }
}
