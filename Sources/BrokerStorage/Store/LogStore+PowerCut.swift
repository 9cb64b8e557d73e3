import KafkaProtocol

extension LogStore {
    /// Ends the store as a power cut would: what was not synced is lost from a random byte on, file by file. For tests.
    public func cutUnsynced(using generator: inout some RandomNumberGenerator) {
        syncer.stop()
        // A round that has reached the disk counts; nobody hears of it.
        if let running = round, let outcome = anchor.take(running.number) { apply(running, outcome) }
        let logs = logs.values.sorted { $0.directory < $1.directory }
        end()
        for log in logs { log.cutUnsynced(using: &generator) }
    }
}

extension PartitionLog {
    fileprivate func cutUnsynced(using generator: inout some RandomNumberGenerator) {
        for segment in segments where segment.baseOffset >= checkpoint.segmentBase {
            let isCheckpoint = segment.baseOffset == checkpoint.segmentBase
            cut(segment.path(.log), keeping: segment.syncedSize, using: &generator)
            cut(segment.path(.offsets), keeping: isCheckpoint ? Int(checkpoint.offsetEntries) * OffsetEntry.size : 0, using: &generator)
            cut(segment.path(.times), keeping: isCheckpoint ? Int(checkpoint.timeEntries) * TimeEntry.size : 0, using: &generator)
            cut(
                segment.path(.aborted), keeping: isCheckpoint ? Int(checkpoint.abortedEntries) * AbortedTransaction.size : 0,
                using: &generator)
        }
    }

    private func cut(_ path: String, keeping kept: Int, using generator: inout some RandomNumberGenerator) {
        guard let size = FileSystem.size(path), size > kept else { return }
        let end = Int.random(in: kept...size, using: &generator)
        do throws(StorageError) {
            try FileSystem.truncate(path, to: end)
            // Some file systems give zeros for what was promised but not written.
            if Bool.random(using: &generator) { try FileSystem.truncate(path, to: Int.random(in: end...size, using: &generator)) }
        } catch { context.report(.troubled(error)) }
    }
}
