/// What the broker says in a batch of its own: how a producer's transaction ended. https://kafka.apache.org/documentation/#controlbatch
public enum ControlRecord: Sendable, Equatable {
    case abort(coordinatorEpoch: Int32)
    case commit(coordinatorEpoch: Int32)

    /// Reads what a control batch says; nil for a kind that does not end a transaction, and where compaction left the header only. Throws when its bytes
    /// are wrong.
    public init?(_ batch: RecordBatch) throws(BatchError) {
        if batch.header.isControl && batch.header.recordCount == 0 { return nil }
        guard batch.header.isControl, let record = try batch.records(maximumBytes: Self.maximumBytes).first, let key = record.key,
            key.count >= 4
        else {
            throw .invalid("a control batch has no control record")
        }
        let version = key.bigEndian(Int16.self, at: 0)
        let kind = key.bigEndian(Int16.self, at: 2)
        guard version >= 0 else { throw .invalid("a control record of version \(version)") }
        guard kind == 0 || kind == 1 else { return nil }
        guard let value = record.value, value.count >= 6 else { throw .invalid("a control record has no coordinator epoch") }
        let epoch = value.bigEndian(Int32.self, at: 2)
        self = kind == 0 ? .abort(coordinatorEpoch: epoch) : .commit(coordinatorEpoch: epoch)
    }

    /// More than any control record takes.
    private static let maximumBytes = 64 * 1024

    public var key: [UInt8] {
        switch self {
        case .abort: [0, 0, 0, 0]
        case .commit: [0, 0, 0, 1]
        }
    }

    public var value: [UInt8] {
        switch self {
        case .abort(let epoch), .commit(let epoch): [0, 0] + withUnsafeBytes(of: epoch.bigEndian) { Array($0) }
        }
    }

    /// The batch that ends a producer's transaction.
    /// - Parameter timestamp: milliseconds since 1970.
    public static func endMarker(
        commit: Bool, producerID: Int64, producerEpoch: Int16, coordinatorEpoch: Int32, offset: Int64, timestamp: Int64
    ) -> [UInt8] {
        let record = commit ? ControlRecord.commit(coordinatorEpoch: coordinatorEpoch) : .abort(coordinatorEpoch: coordinatorEpoch)
        var batch = RecordBatchBuilder(
            baseOffset: offset, timestamp: timestamp, producerID: producerID, producerEpoch: producerEpoch, isTransactional: true,
            isControl: true)
        batch.append(key: record.key, value: record.value)
        return batch.finish()
    }
}

extension ArraySlice<UInt8> {
    /// The number at `offset` from the slice's start, which is checked by the caller.
    fileprivate func bigEndian<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Value {
        withBytes { Value(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }
}
