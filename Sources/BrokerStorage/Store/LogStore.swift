import Glibc
import KafkaProtocol

/// The data directory: the logs of all partitions. On the broker's thread, but for syncs, cleaning and removals, which have threads of their own.
public final class LogStore {
    /// Runs something on the broker's thread, from any thread.
    public typealias Post = @Sendable (@escaping @Sendable () -> Void) -> Void

    public let directory: String
    public var settings: StorageSettings { context.settings }
    /// Of the partitions that are open.
    public private(set) var logs: [TopicPartition: PartitionLog] = [:]

    let context: StorageContext
    let post: Post
    private let lock: DirectoryLock
    /// What the manifest said of partitions that are not open yet.
    private var unopened: [TopicPartition: Manifest.Entry] = [:]
    private var found: [TopicPartition: WireUUID] = [:]
    private var removed = 0

    let syncer = Worker()
    var remover: Worker?
    var removals: [LateRemoval] = []
    var cleaning = Cleaning()
    /// The round of syncs that is on its way.
    var round: RunningRound?
    var lastRound: UInt64 = 0
    var anchor = StoreAnchor()
    /// What waits for the next round to end.
    var waiting: [WaitingAction] = []
    var isTreeDirty = false
    var lastFlush = Int64.min
    var lastCheckpoint = Int64.min
    var lastRetention = Int64.min
    private(set) var isClosed = false

    /// Opens a data directory, which is made when it is not there, and locks it. Partitions are not looked at before they are opened.
    /// - Parameters:
    ///   - post: runs something on the broker's thread.
    ///   - report: gets what an operator should hear; on any thread.
    public init(directory: String, settings: StorageSettings, post: @escaping Post, report: @escaping @Sendable (StorageNotice) -> Void)
        throws(StorageError)
    {
        self.directory = directory
        self.post = post
        context = StorageContext(settings: settings, report: report)
        try FileSystem.makeDirectory(directory)
        lock = try DirectoryLock(directory)
        try FileSystem.makeDirectory(directory + "/partitions")
        try FileSystem.makeDirectory(directory + "/deleted")
        anchor.store = self
        context.flush = { [anchor] in anchor.store?.flushSoon() }
        let manifest = readManifest()
        for name in try FileSystem.list(directory + "/partitions") {
            let path = directory + "/partitions/" + name
            guard let partition = PartitionDirectory.partition(named: name) else { continue }
            let entry = manifest[partition]
            // Without the topic's id the directory was not made to the end, or was damaged.
            guard let id = PartitionDirectory.topicID(path) ?? entry?.topicID else {
                setAside(path, partition)
                continue
            }
            found[partition] = id
            if let entry, entry.topicID == id { unopened[partition] = entry }
        }
        let leftovers = directory + "/deleted"
        if let names = try? FileSystem.list(leftovers), !names.isEmpty {
            removed = names.compactMap { Int($0) }.max() ?? 0
            removeLater(names.map { leftovers + "/" + $0 })
        }
    }

    private func readManifest() -> [TopicPartition: Manifest.Entry] {
        do throws(StorageError) {
            let entries = try Manifest.read(manifestPath)?.entries ?? []
            return Dictionary(entries.map { (TopicPartition($0.topic, $0.partition), $0) }) { $1 }
        } catch {
            context.report(.rebuilt(path: manifestPath, reason: "\(error)"))
            return [:]
        }
    }

    var manifestPath: String { directory + "/manifest" }

    /// The partitions that lie in the directory, with the ids of their topics.
    public var existing: [(TopicPartition, WireUUID)] { found.map { ($0.key, $0.value) } }

    /// Opens a partition, which is made when it is not there. What recovery cuts off is reported. A partition that is open is returned as it is.
    /// - Parameter now: milliseconds since 1970.
    /// Throws `corrupt` when the partition lies there for a topic with another id.
    public func open(_ partition: TopicPartition, topicID: WireUUID, settings: LogSettings, now: Int64) throws(StorageError) -> PartitionLog
    {
        let path = directory + "/partitions/" + (try PartitionDirectory.name(partition))
        if let there = found[partition] {
            guard there == topicID else {
                throw .corrupt(path: path, reason: "it belongs to the topic with the id \(there), not \(topicID)")
            }
        } else {
            try PartitionDirectory.make(path, topicID: topicID)
            found[partition] = topicID
            isTreeDirty = true
            context.isManifestDue = true
        }
        if let log = logs[partition] { return log }
        let entry = unopened.removeValue(forKey: partition)
        let recovered = try LogRecovery(partition: partition, directory: path, context: context, entry: entry, now: now).recover()
        let log = PartitionLog(partition, topicID: topicID, settings: settings, directory: path, context: context, recovered: recovered)
        if recovered.isDirty { try settle(log) }
        logs[partition] = log
        return log
    }

    /// What recovery found may not be on the disk: in strict mode nobody reads it before it is.
    private func settle(_ log: PartitionLog) throws(StorageError) {
        log.isDirectoryDirty = true
        log.becomeDirty()
        guard settings.syncsBeforeAcknowledging else { return }
        for segment in log.segments where segment.syncedSize < segment.size {
            try FileSystem.sync(try segment.file(), path: segment.path(.log))
            segment.syncedSize = segment.size
        }
    }

    /// Takes a partition away. Readers that have its files go on; nobody else finds it.
    public func delete(_ partition: TopicPartition) {
        if let log = logs.removeValue(forKey: partition) { log.close() }
        forgetCleaning(of: partition)
        unopened[partition] = nil
        guard found.removeValue(forKey: partition) != nil, let name = try? PartitionDirectory.name(partition) else { return }
        discard(directory + "/partitions/" + name)
        isTreeDirty = true
        context.isManifestDue = true
    }

    /// False when there is no such partition.
    func forget(_ partition: TopicPartition) -> Bool {
        unopened[partition] = nil
        return found.removeValue(forKey: partition) != nil
    }

    /// Moves a directory away at once, and removes it in the background.
    func discard(_ path: String) {
        removed += 1
        let grave = directory + "/deleted/\(removed)"
        do throws(StorageError) {
            try FileSystem.rename(path, to: grave)
            removeLater([grave])
        } catch { context.report(.troubled(error)) }
    }

    /// What is known of all partitions, the open ones as they are now.
    func manifest() -> Manifest {
        var manifest = Manifest()
        manifest.entries = Array(unopened.values)
        manifest.entries.reserveCapacity(unopened.count + logs.count)
        for log in logs.values { manifest.entries.append(log.manifestEntry) }
        return manifest
    }

    /// Brings everything to the disk, says where it ends, and leaves the directory to others.
    public func close() {
        guard !isClosed else { return }
        syncer.stop()
        collect()
        // An action may have started another one, which the stopped thread does not do.
        let late = round
        for log in logs.values { _ = log.chooseCheckpoint(always: true) }
        for log in late?.logs ?? [] {
            log.isDirectoryDirty = true
            log.becomeDirty()
        }
        if late != nil { isTreeDirty = true }
        let (work, running) = makeRound(checkpoint: true)
        let outcome = work.run()
        apply(running, outcome)
        let isKept = outcome.failures.isEmpty && outcome.manifestFailure == nil
        for action in (late?.actions ?? []) + running.actions { action.run(isKept) }
        end()
    }

    /// Ends the threads, leaves the directory to others.
    func end() {
        guard !isClosed else { return }
        isClosed = true
        syncer.stop()
        endCleaning()
        remover?.stop()
        anchor.store = nil
        for log in logs.values { log.close() }
        lock.release()
    }

    deinit { end() }
}
