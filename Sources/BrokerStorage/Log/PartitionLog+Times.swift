import KafkaProtocol

extension PartitionLog {
    /// The first record with this timestamp or a later one, as far as the isolation shows; nil when there is none.
    /// - Parameter time: milliseconds since 1970.
    public func offset(forTime time: Int64, isolation: Isolation) throws(ErrorCode) -> (offset: Int64, timestamp: Int64)? {
        let end = isolation == .readCommitted ? lastStableOffset : highWatermark
        do throws(StorageError) {
            for segment in segments where segment.size > 0 && segment.baseOffset < end {
                guard let highest = segment.knownHighest(), highest.timestamp >= time else { continue }
                if let found = try first(in: segment, time), found.offset < end { return found }
            }
            return nil
        } catch { throw unreadable(error) }
    }

    /// The first record that has the highest timestamp; nil without records.
    public func maximumTimestamp() throws(ErrorCode) -> (offset: Int64, timestamp: Int64)? {
        do throws(StorageError) {
            let highest = segments.compactMap { segment in segment.knownHighest().map { (segment, $0.timestamp) } }
            guard let time = highest.map({ $0.1 }).max(), let segment = highest.first(where: { $0.1 == time })?.0 else { return nil }
            return try first(in: segment, time)
        } catch { throw unreadable(error) }
    }

    private func first(in segment: Segment, _ time: Int64) throws(StorageError) -> (offset: Int64, timestamp: Int64)? {
        var scanner = try BatchScanner(segment, from: segment.hint(forTime: time))
        while let (header, position) = try scanner.next() {
            guard header.maxTimestamp >= time, header.lastOffset >= startOffset else { continue }
            if let found = try first(in: segment, position, header, time) { return found }
        }
        return nil
    }

    /// Compressed batches are decompressed for this.
    private func first(in segment: Segment, _ position: Int, _ header: RecordBatchHeader, _ time: Int64) throws(StorageError)
        -> (offset: Int64, timestamp: Int64)?
    {
        let region = FileRegion(file: try segment.file(), position: position, count: header.totalSize)
        do {
            let batch = try RecordBatch(try region.bytes()[...])
            let records = try batch.records(maximumBytes: Self.maximumUncompressedBytes)
            let found = records.first { $0.timestamp >= time && $0.offset >= startOffset }
            return found.map { ($0.offset, $0.timestamp) }
        } catch { throw .corrupt(path: segment.path(.log), reason: "\(error) in the batch at byte \(position)") }
    }
}

extension Segment {
    /// Where to begin to look for a timestamp: no batch before has it or a later one.
    func hint(forTime time: Int64) -> Int {
        guard let entry = try? times.last(path(.times), where: { $0.timestamp <= time }) else { return 0 }
        return hint(for: baseOffset + Int64(entry.relativeOffset))
    }
}
