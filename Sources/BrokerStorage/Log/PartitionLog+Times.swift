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
            var found: (segment: Segment, time: Int64)?
            for (index, segment) in segments.enumerated() {
                let end = index + 1 < segments.count ? segments[index + 1].baseOffset : endOffset
                guard end > startOffset, let time = try highest(in: segment), time > found?.time ?? -1 else { continue }
                found = (segment, time)
            }
            return try found.flatMap { (found) throws(StorageError) in try first(in: found.segment, found.time) }
        } catch { throw unreadable(error) }
    }

    /// The highest timestamp of what can be read in a segment. What its index says may be that of a record before the start.
    private func highest(in segment: Segment) throws(StorageError) -> Int64? {
        if segment.baseOffset >= startOffset { return segment.knownHighest()?.timestamp }
        var scanner = try BatchScanner(segment, from: segment.hint(for: startOffset))
        var highest: Int64 = -1
        while let (header, position) = try scanner.next() {
            guard header.lastOffset >= startOffset, header.maxTimestamp > highest else { continue }
            // Of a batch that can be read as a whole its header tells.
            if header.baseOffset >= startOffset {
                highest = header.maxTimestamp
                continue
            }
            for record in try records(in: segment, position, header) { highest = max(highest, record.timestamp) }
        }
        return highest >= 0 ? highest : nil
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
        let found = try records(in: segment, position, header).first { $0.timestamp >= time }
        return found.map { ($0.offset, $0.timestamp) }
    }

    /// The records of a batch that can be read: those before the start cannot.
    private func records(in segment: Segment, _ position: Int, _ header: RecordBatchHeader) throws(StorageError) -> [Record] {
        let region = FileRegion(file: try segment.file(), position: position, count: header.totalSize)
        do {
            let batch = try RecordBatch(try region.bytes()[...])
            return try batch.records(maximumBytes: Self.maximumUncompressedBytes).filter { $0.offset >= startOffset }
        } catch { throw .corrupt(path: segment.path(.log), reason: "\(error) in the batch at byte \(position)") }
    }
}

extension Segment {
    /// Where to begin to look for a timestamp: no batch before has it or a later one.
    func hint(forTime time: Int64) -> Int {
        for _ in 0..<2 {
            guard let entry = try? times.last(path(.times), where: { $0.timestamp <= time }) else { return 0 }
            if isRight(entry) { return hint(for: baseOffset + Int64(entry.relativeOffset)) }
            rebuildIndexes("an entry of the index of times is wrong")
        }
        return 0
    }
}
