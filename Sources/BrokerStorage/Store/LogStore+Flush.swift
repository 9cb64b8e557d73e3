import Glibc
import KafkaProtocol
import Synchronization

/// A round on its way, as the broker's thread remembers it.
struct RunningRound {
    var number: UInt64
    /// With what each log had when the round began.
    var logs: [PartitionLog]
    var marks: [SyncMark]
    /// Released when the round ends.
    var actions: [WaitingAction]
    var hasManifest: Bool
}

/// What waits for a round to end.
struct WaitingAction {
    /// Whose data it tells of.
    var partitions: [TopicPartition]
    /// Whether it tells of what only the manifest keeps.
    var needsManifest = false
    var run: (_ isSafe: Bool) -> Void
}

/// What a log had when a round began.
struct SyncMark {
    var endOffset: Int64
    /// Of the oldest transaction that was open, or the end.
    var stableOffset: Int64
    var segments: [(segment: Segment, size: Int)] = []
}

/// Lets the syncing thread hand its results to a store that may be gone meanwhile.
///
/// `@unchecked`: the outcome has its lock; `store` is used in posted closures only, which run on the broker's thread, as everything else of the store does.
final class StoreAnchor: @unchecked Sendable {
    weak var store: LogStore?
    private let outcome = Mutex<(number: UInt64, outcome: SyncRound.Outcome)?>(nil)

    func keep(_ new: SyncRound.Outcome, of number: UInt64) { outcome.withLock { $0 = (number, new) } }

    func take(_ number: UInt64) -> SyncRound.Outcome? {
        outcome.withLock { kept in
            guard let found = kept, found.number == number else { return nil }
            kept = nil
            return found.outcome
        }
    }
}

extension LogStore {
    /// Runs `action` when all that was appended so far to the partitions is as safe as the flush policy asks: at once, or in strict mode after the next round of
    /// syncs; with false when a disk failed, so that they may not be.
    public func whenDurable(_ partitions: [TopicPartition], _ action: @escaping (_ isDurable: Bool) -> Void) {
        if settings.syncsBeforeAcknowledging { whenSynced(partitions, action) } else { action(true) }
    }

    /// The same as in strict mode, whatever the flush policy is. When the disk fails in the default mode the action runs all the same, as if it had not
    /// waited: there nothing else is told less than what is written.
    public func whenSynced(_ partitions: [TopicPartition], _ action: @escaping (_ isSynced: Bool) -> Void) {
        wait(WaitingAction(partitions: partitions, run: action))
    }

    /// Runs `action` when the partitions' start offsets are on the disk, whatever the flush policy is. While they cannot be written that is tried again.
    public func whenStartsAreSynced(_ partitions: [TopicPartition], _ action: @escaping (_ isSynced: Bool) -> Void) {
        wait(WaitingAction(partitions: partitions, needsManifest: true, run: action))
    }

    private func wait(_ action: WaitingAction) {
        guard round != nil || !waiting.isEmpty || hasUnsynced else { return action.run(isSafe(action)) }
        waiting.append(action)
        if round == nil { startRound(checkpoint: false) }
    }

    /// Whether the action may be told, as far as its partitions go, that all is safe: of one that has failed nobody knows what the disk has.
    private func isSafe(_ action: WaitingAction) -> Bool {
        !settings.syncsBeforeAcknowledging || action.partitions.allSatisfy { logs[$0]?.failure == nil }
    }

    private var hasUnsynced: Bool { !context.dirty.isEmpty || isTreeDirty || context.isManifestDue }

    /// Does what is due by time: syncs, the manifest, rolling, retention, compaction. Cheap when nothing is; meant for each 100 ms.
    /// - Parameter now: milliseconds since 1970.
    public func tick(now: Int64) {
        guard !isClosed else { return }
        checkSpace()
        if isDue(&lastRetention, settings.retentionCheckIntervalMs, now) {
            for log in logs.values {
                let delay = log.settings.fileDeleteDelayMs
                if log.maintain(now: now, remove: { removeLater($0, after: delay, now: now) }) { context.isManifestDue = true }
            }
        }
        removeDue(now: now)
        lookForDirt(now: now)
        guard round == nil else { return }
        if isDue(&lastCheckpoint, settings.checkpointIntervalMs, now), chooseCheckpoints() {
            lastFlush = now
            return startRound(checkpoint: true)
        }
        guard hasUnsynced || !waiting.isEmpty else { return }
        let isMuch = context.unsyncedBytes >= settings.flushBytes
        if isDue(&lastFlush, settings.flushIntervalMs, now) || isMuch || !waiting.isEmpty || settings.syncsBeforeAcknowledging {
            startRound(checkpoint: false)
        }
    }

    /// Whether so much time has gone by, or the clock was put back; begins to count anew then.
    func isDue(_ last: inout Int64, _ interval: Int64, _ now: Int64) -> Bool {
        guard now < last || now &- last >= interval || last == Int64.min else { return false }
        last = now
        return true
    }

    /// Lets each log say whether its recovery point should move; false when none wants it.
    private func chooseCheckpoints() -> Bool {
        let unchecked = logs.values.reduce(0) { $0 + $1.uncheckedBytes }
        let all = unchecked > settings.recoveryBytes
        return logs.values.reduce(false) { $1.chooseCheckpoint(always: all) || $0 }
    }

    /// Refuses producers in time, so that the broker's own state finds room.
    private func checkSpace() {
        var status = statvfs()
        guard context.simulatedSpace == nil, statvfs(directory, &status) == 0 else { return }
        let free = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(clamping: status.f_frsize))
        let available = free.overflow ? Int.max : free.partialValue
        let isFull = available < (context.isFull ? settings.reservedBytes + settings.reservedBytes / 4 : settings.reservedBytes)
        guard isFull != context.isFull else { return }
        context.isFull = isFull
        context.report(isFull ? .full(directory: directory) : .spaceAgain(directory: directory))
    }

    /// Called when very much is not synced.
    func flushSoon() { if round == nil && !isClosed { startRound(checkpoint: false) } }

    func startRound(checkpoint: Bool) {
        let (work, running) = makeRound(checkpoint: checkpoint)
        round = running
        let (anchor, post, number) = (anchor, post, running.number)
        syncer.run {
            let outcome = work.run()
            anchor.keep(outcome, of: number)
            post { anchor.store?.collect() }
        }
    }

    /// Gathers what is not synced now.
    func makeRound(checkpoint: Bool) -> (SyncRound, RunningRound) {
        var work = SyncRound()
        lastRound += 1
        let withManifest = checkpoint || context.isManifestDue
        var running = RunningRound(number: lastRound, logs: context.dirty, marks: [], actions: waiting, hasManifest: withManifest)
        (waiting, context.dirty, context.unsyncedBytes) = ([], [], 0)
        for (index, log) in running.logs.enumerated() { running.marks.append(log.gather(index, into: &work)) }
        if isTreeDirty {
            work.directories.append((directory + "/partitions", SyncRound.tree))
            isTreeDirty = false
        }
        if withManifest {
            if checkpoint { for log in logs.values { log.prepareCheckpoint(into: &work) } }
            let bytes = CheckedFile.encode(manifest(), version: Manifest.version)
            work.manifest = (SyncRound.Contents(path: manifestPath, bytes: bytes), directory)
            context.isManifestDue = false
        }
        return (work, running)
    }

    /// Takes the result of a round that has ended.
    func collect() {
        guard let running = round, let outcome = anchor.take(running.number) else { return }
        round = nil
        apply(running, outcome)
        let isTransient = outcome.failures.values.contains(where: \.isTransient)
        let isTreeSafe = outcome.failures[SyncRound.tree] == nil || !settings.syncsBeforeAcknowledging
        let isManifestLost = running.hasManifest && outcome.manifestFailure != nil
        // For some the next tick tries again.
        let mustWait = { (action: WaitingAction) in isTransient || action.needsManifest && isManifestLost }
        let held = running.actions.filter(mustWait)
        waiting = held + waiting
        for action in running.actions where !mustWait(action) { action.run(isTreeSafe && isSafe(action)) }
        if round == nil && !isTransient && waiting.count > held.count { startRound(checkpoint: false) }
    }

    func apply(_ running: RunningRound, _ outcome: SyncRound.Outcome) {
        for (index, log) in running.logs.enumerated() {
            if let failure = outcome.failures[index] {
                if failure.isTransient { log.syncAgain(failure) } else { log.fail(failure) }
            } else {
                log.synced(running.marks[index])
            }
        }
        for part in [SyncRound.tree, SyncRound.indexes] { if let failure = outcome.failures[part] { context.report(.troubled(failure)) } }
        if outcome.failures[SyncRound.tree] != nil { isTreeDirty = true }
        guard running.hasManifest else { return }
        if let failure = outcome.manifestFailure {
            context.report(.troubled(failure))
            context.isManifestDue = true
        }
        for log in logs.values { log.endCheckpoint(isKept: outcome.manifestFailure == nil) }
    }
}
