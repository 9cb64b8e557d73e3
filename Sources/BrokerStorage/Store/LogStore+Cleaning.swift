import KafkaProtocol

/// What the cleaner has done since the store was opened.
public struct CleaningStatistics: Sendable, Equatable {
    /// Runs that came to their end.
    public internal(set) var runs = 0
    /// Of the segments that were cleaned, before and after.
    public internal(set) var bytesBefore = 0
    public internal(set) var bytesAfter = 0
    /// Partitions whose last run failed.
    public internal(set) var failedPartitions = 0
}

/// The cleaner as the broker's thread knows it: at most one run at a time.
struct Cleaning {
    struct Run {
        let log: PartitionLog
        let work: CleaningWork
    }

    /// After a failure.
    struct Delay {
        var failures = 0
        /// Milliseconds since 1970.
        var until: Int64 = 0
    }

    static let longestDelayMs: Int64 = 3_600_000

    var worker: Worker?
    var run: Run?
    /// The step of the run that the next tick tries again.
    var again: (() -> Void)?
    var lastLook = Int64.min
    var delays: [TopicPartition: Delay] = [:]
    var statistics = CleaningStatistics()
    /// As the last tick had it.
    var now: Int64 = 0

    mutating func note(failureOf partition: TopicPartition, after interval: Int64) -> Bool {
        var delay = delays[partition] ?? Delay()
        delay.failures += 1
        let (factor, step) = (Int64(1) << Int64(min(delay.failures - 1, 12)), max(1, interval))
        delay.until = now &+ min(Self.longestDelayMs, step.multipliedReportingOverflow(by: factor).partialValue)
        delays[partition] = delay
        statistics.failedPartitions = delays.count
        return delay.failures == 1
    }

    mutating func forgetFailure(of partition: TopicPartition) {
        delays[partition] = nil
        statistics.failedPartitions = delays.count
    }
}

extension LogStore {
    public var cleaningStatistics: CleaningStatistics { cleaning.statistics }

    /// Begins to clean the dirtiest log, if one is dirty enough and none is being cleaned.
    func lookForDirt(now: Int64) {
        cleaning.now = now
        if let again = cleaning.again {
            cleaning.again = nil
            again()
        }
        guard cleaning.run == nil, isDue(&cleaning.lastLook, settings.cleanerIntervalMs, now) else { return }
        var chosen: (log: PartitionLog, dirtiness: Dirtiness)?
        for log in logs.values {
            if let delay = cleaning.delays[log.partition], now < delay.until { continue }
            guard let dirtiness = log.dirtiness(now: now), log.isDirtyEnough(dirtiness) else { continue }
            if dirtiness.ratio > chosen?.dirtiness.ratio ?? -1 { chosen = (log, dirtiness) }
        }
        if let chosen { clean(chosen.log, chosen.dirtiness, now: now) }
    }

    private func clean(_ log: PartitionLog, _ dirtiness: Dirtiness, now: Int64) {
        var random = SystemRandomNumberGenerator()
        do throws(StorageError) {
            let plan = try log.cleaningPlan(dirtiness, secret: KeyHash.Secret(using: &random), now: now)
            let work = CleaningWork(plan, CleaningPace(bytesPerSecond: settings.cleanerBytesPerSecond))
            cleaning.run = Cleaning.Run(log: log, work: work)
            step(work) { $0.begin() }
        } catch { failed(log, error) }
    }

    /// Does a step of the run on the cleaning thread, then comes back.
    private func step(_ work: CleaningWork, _ body: @escaping @Sendable (CleaningWork) -> CleaningWork.Outcome) {
        let worker = cleaning.worker ?? Worker()
        cleaning.worker = worker
        let (anchor, post) = (anchor, post)
        worker.run {
            work.keep(body(work))
            post { anchor.store?.stepped(work) }
        }
    }

    private func stepped(_ work: CleaningWork) {
        guard !isClosed, let run = cleaning.run, run.work === work, let outcome = work.take() else { return }
        do throws(StorageError) {
            switch outcome {
            case .cleaned(let swap, let group, let size):
                guard try run.log.beginSwap(swap, group) else { return try giveUp(run, swap) }
                step(work) { $0.settle(swap, group, size: size) }
            case .undecided(let swap, let group, let size, let error):
                try tryAgain(run, after: error) { store in store.step(work) { $0.settle(swap, group, size: size) } }
            case .decided(let swap, let group, let size): try install(run, swap, group, size)
            case .finished(let offset): finish(run, offset)
            case .failed(let error):
                // Retention may have taken a file away that was to be read.
                if run.log.segments[0].baseOffset <= work.plan.start { throw error }
                cleaning.run = nil
            case .cancelled: cleaning.run = nil
            }
        } catch {
            abandon(run, error)
        }
    }

    /// The run cannot go on. When a swap is decided, the files may be neither the old ones nor the new ones: the next start finishes it.
    private func abandon(_ run: Cleaning.Run, _ error: StorageError) {
        if run.log.isSwapping && !run.log.isDeleted { run.log.fail(error) }
        run.log.isSwapping = false
        cleaning.run = nil
        failed(run.log, error)
    }

    /// Lets the next tick do a step of a decided swap again for which there was no descriptor; throws what else it failed by.
    private func tryAgain(_ run: Cleaning.Run, after error: StorageError, _ step: @escaping (LogStore) -> Void) throws(StorageError) {
        guard error.isTransient else { throw error }
        failed(run.log, error)
        cleaning.again = { [unowned self] in step(self) }
    }

    /// The log has changed so that the run means nothing any more.
    private func giveUp(_ run: Cleaning.Run, _ swap: SegmentSwap) throws(StorageError) {
        cleaning.run = nil
        try CleanedSegment.remove(swap.baseOffset, directory: swap.directory)
    }

    private func install(_ run: Cleaning.Run, _ swap: SegmentSwap, _ group: [CleaningSource], _ size: Int) throws(StorageError) {
        let old: [String]?
        do throws(StorageError) { old = try run.log.endSwap(swap, group, size: size) } catch {
            return try tryAgain(run, after: error) { store in
                do throws(StorageError) { try store.install(run, swap, group, size) } catch { store.abandon(run, error) }
            }
        }
        guard let old else {
            cleaning.run = nil
            return
        }
        removeLater(old, after: run.log.settings.fileDeleteDelayMs, now: cleaning.now)
        cleaning.statistics.bytesBefore += group.reduce(0) { $0 + $1.size }
        cleaning.statistics.bytesAfter += size
        step(run.work) { $0.next() }
    }

    private func finish(_ run: Cleaning.Run, _ offset: Int64) {
        cleaning.run = nil
        cleaning.forgetFailure(of: run.log.partition)
        cleaning.statistics.runs += 1
        run.log.firstDirty = offset
        context.isManifestDue = true
        // What else is dirty need not wait.
        cleaning.lastLook = .min
    }

    /// The log stays as it was; it is tried again, later each time. Told once.
    private func failed(_ log: PartitionLog, _ error: StorageError) {
        guard !log.isDeleted else { return }
        if cleaning.note(failureOf: log.partition, after: settings.cleanerRetryMs) { context.report(.uncleaned(log.partition, error)) }
    }

    /// Ends a run, and the thread.
    func endCleaning() {
        cleaning.run?.work.pace.cancel()
        cleaning.worker?.stop()
        cleaning.run = nil
        cleaning.again = nil
    }

    /// A partition is gone.
    func forgetCleaning(of partition: TopicPartition) {
        cleaning.forgetFailure(of: partition)
        if let run = cleaning.run, run.log.partition == partition { run.work.pace.cancel() }
    }
}
