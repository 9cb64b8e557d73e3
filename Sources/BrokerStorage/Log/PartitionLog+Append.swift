import CSystem
import KafkaProtocol

/// Where records came to lie.
public struct AppendResult: Sendable, Equatable {
    public var baseOffset: Int64
    public var lastOffset: Int64
    /// Milliseconds since 1970 when records get the broker's time, else -1.
    public var logAppendTime: Int64
    /// Whether they had been appended before: a producer sent them again.
    public var isDuplicate = false
}

extension PartitionLog {
    /// Appends what a client sent: one batch, checked. Throws what the client is told.
    /// - Parameter now: milliseconds since 1970.
    public func append(_ records: ArraySlice<UInt8>, now: Int64) throws(ErrorCode) -> AppendResult {
        let header = try check(records)
        // Also what was sent before: it may be what could not be kept.
        guard failure == nil, !isDeleted else { throw .kafkaStorageError }
        if header.producerID >= 0, let sent = try producers.check(header) {
            return AppendResult(baseOffset: sent.baseOffset, lastOffset: sent.lastOffset, logAppendTime: sent.appendTime, isDuplicate: true)
        }
        if context.isFull { throw .kafkaStorageError }
        return try write(header, records, now: now)
    }

    /// Appends a batch that the broker made; its offsets count from 0.
    /// - Parameter now: milliseconds since 1970.
    public func appendInternal(_ batch: [UInt8], now: Int64) throws(ErrorCode) -> AppendResult {
        guard let header = batch.withUnsafeBytes({ RecordBatchHeader($0) }), header.totalSize == batch.count,
            header.problem(lowestOffset: 0) == nil, !header.isControl
        else { throw .corruptMessage }
        return try write(header, batch[...], now: now)
    }

    /// Everything that Kafka asks of a producer's batch.
    ///
    /// Gives the header with the highest timestamp that the records have, where they were looked at, whatever the producer said: retention goes by it.
    private func check(_ records: ArraySlice<UInt8>) throws(ErrorCode) -> RecordBatchHeader {
        let batch: RecordBatch
        do { batch = try RecordBatch(records) } catch { throw .corruptMessage }
        let header = batch.header
        guard batch.bytes.count == records.count, header.baseOffset == 0 else { throw .invalidRecord }
        do { try batch.verify() } catch { throw error.code }
        guard records.count <= settings.maxMessageBytes else { throw .messageTooLarge }
        guard records.count <= settings.segmentBytes else { throw .recordListTooLarge }
        guard !header.isControl, header.recordCount > 0, header.lastOffsetDelta == header.recordCount - 1 else { throw .invalidRecord }
        guard header.producerID < 0 || (header.baseSequence >= 0 && header.producerEpoch >= 0) else { throw .invalidRecord }
        guard header.producerID >= 0 || !header.isTransactional else { throw .invalidRecord }
        guard settings.messageTimestampType == .append || !header.hasLogAppendTime else { throw .invalidTimestamp }
        guard let highest = try checkRecords(batch), highest != header.maxTimestamp else { return header }
        var corrected = header
        corrected.maxTimestamp = highest
        corrected.crc = Self.checksum(corrected, records)
        return corrected
    }

    /// Uncompressed records cost little to look at. Compressed ones are looked at only when a compacted topic wants their keys. Gives the highest timestamp of those
    /// that were.
    private func checkRecords(_ batch: RecordBatch) throws(ErrorCode) -> Int64? {
        let needsKeys = settings.cleanupPolicy.contains(.compact)
        guard needsKeys || batch.compression == Compression.none else {
            guard Int(batch.header.recordCount) <= Self.maximumUncompressedBytes / Self.smallestRecordBytes else { throw .invalidRecord }
            return nil
        }
        do throws(BatchError) {
            let summary = try batch.summary(maximumBytes: Self.maximumUncompressedBytes)
            if needsKeys && !summary.hasAllKeys { throw BatchError(.invalidRecord, "a compacted topic wants keys") }
            return summary.maximumTimestamp
        } catch { throw error.code }
    }

    /// Its length, attributes, two deltas, sizes of key and value, and the number of headers, a byte each.
    private static let smallestRecordBytes = 7

    /// What a batch may decompress to.
    static let maximumUncompressedBytes = 256 << 20

    /// Writes a batch that may be written, and takes note of it.
    func write(_ header: RecordBatchHeader, _ bytes: ArraySlice<UInt8>, now: Int64) throws(ErrorCode) -> AppendResult {
        guard failure == nil, !isDeleted, endOffset < RecordBatchHeader.highestOffset else { throw .kafkaStorageError }
        var header = header
        header.baseOffset = endOffset
        header.partitionLeaderEpoch = leaderEpoch
        if settings.messageTimestampType == .append { stamp(&header, bytes, now: now) }
        do throws(StorageError) {
            if mustRoll(for: header) { try roll() }
            if active.size == 0 {
                isDirectoryDirty = true
                active.begun = now
            }
            try active.write(header, bytes)
        } catch {
            refused(error)
            throw .kafkaStorageError
        }
        endOffset = header.lastOffset + 1
        if header.producerID >= 0 && !header.isControl {
            producers.note(header, now: now, limit: context.settings.maximumProducers)
        }
        context.unsyncedBytes += bytes.count
        uncheckedBytes += bytes.count
        becomeDirty()
        if context.unsyncedBytes >= context.settings.flushBytes { context.flush() }
        if !header.isControl { advanced() }
        return AppendResult(
            baseOffset: header.baseOffset, lastOffset: header.lastOffset,
            logAppendTime: settings.messageTimestampType == .append ? now : -1)
    }

    /// Gives the records the broker's time. The checksum follows, over the new header and the records as they are.
    private func stamp(_ header: inout RecordBatchHeader, _ bytes: ArraySlice<UInt8>, now: Int64) {
        header.attributes |= 0x08
        header.maxTimestamp = now
        header.crc = Self.checksum(header, bytes)
    }

    /// Of a batch that gets this header, and has the records of `bytes`.
    private static func checksum(_ header: RecordBatchHeader, _ bytes: ArraySlice<UInt8>) -> UInt32 {
        let checked = RecordBatchHeader.size - RecordBatchHeader.checkedFrom
        let crc = withUnsafeTemporaryAllocation(byteCount: RecordBatchHeader.size, alignment: 8) { head in
            header.write(to: head)
            return csystem_crc32c(0, head.baseAddress! + RecordBatchHeader.checkedFrom, checked)
        }
        return bytes.withUnsafeBytes {
            csystem_crc32c(crc, $0.baseAddress! + RecordBatchHeader.size, $0.count - RecordBatchHeader.size)
        }
    }

    /// A full disk is told and may have space again; what else fails is not tried again, since nobody knows what the disk has.
    private func refused(_ error: StorageError) {
        if case .full(let path) = error {
            if !context.isFull { context.report(.full(directory: path)) }
            context.isFull = true
        } else if error.isTransient {
            context.report(.troubled(error))
        } else {
            fail(error)
        }
    }

    /// The high watermark or the last stable offset may have moved.
    func advanced() {
        producers.settle(highWatermark: highWatermark)
        onAdvance?()
    }
}
