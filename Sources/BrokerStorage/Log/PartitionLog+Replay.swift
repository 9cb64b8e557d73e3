import KafkaProtocol

extension PartitionLog {
    /// Goes through all batches from the one with `offset` on, without holding more than a piece of the log in memory.
    public func forEachBatch(from offset: Int64, _ body: (RecordBatch) throws(ErrorCode) -> Void) throws(ErrorCode) {
        var next = max(offset, startOffset)
        while next < endOffset {
            let piece = try piece(from: next)
            guard !piece.bytes.isEmpty, piece.nextOffset > next else { return }
            let batches: [RecordBatch]
            do { batches = try RecordBatch.split(piece.bytes[...]) } catch { throw error.code }
            for batch in batches { try body(batch) }
            next = piece.nextOffset
        }
    }

    private func piece(from offset: Int64) throws(ErrorCode) -> (bytes: [UInt8], nextOffset: Int64) {
        do throws(StorageError) {
            let read = try read(from: offset, to: endOffset, maximumBytes: 1 << 20, .readUncommitted, true)
            guard case .file(let region) = read.records else {
                return ([], endOffset)
            }
            do { return (try region.bytes(), read.nextOffset) } catch {
                throw StorageError.corrupt(path: directory, reason: "\(error)")
            }
        } catch { throw unreadable(error) }
    }
}
