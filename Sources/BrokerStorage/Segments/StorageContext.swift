/// What the logs of one data directory share. On the broker's thread.
final class StorageContext {
    let settings: StorageSettings
    let report: @Sendable (StorageNotice) -> Void
    let files: OpenFileCache
    /// Logs with data that are not synced.
    var dirty: [PartitionLog] = []
    /// Bytes appended since the last round of syncs began.
    var unsyncedBytes = 0
    /// Starts a round of syncs, unless one is on its way.
    var flush: () -> Void = {}
    /// Whether producers are refused for want of space.
    var isFull = false
    /// Whether the manifest must be written soon: a start offset moved, a partition came or went.
    var isManifestDue = false
    /// What the disk still takes, for tests of a full one; nil without limit.
    var simulatedSpace: Int?

    init(settings: StorageSettings, report: @escaping @Sendable (StorageNotice) -> Void) {
        self.settings = settings
        self.report = report
        files = OpenFileCache(limit: settings.maximumOpenFiles)
    }
}
