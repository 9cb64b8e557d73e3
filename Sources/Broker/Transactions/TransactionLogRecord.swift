import KafkaProtocol

/// A transactional id's state as Kafka keeps it in `__transaction_state` (TransactionLogKey version 0, TransactionLogValue versions 0 and 1).
///
/// Version 1 is written for what version 0 has no room for, and Kafka passes over: the former epoch of a producer that raised its own, and with each decision
/// where the transaction's partitions ended. They stand in tagged fields.
enum TransactionLogRecord {
    private static let keyVersion: Int16 = 0
    private static let producerIDsVersion: Int16 = 0x7fff
    private static let previousProducerIDTag: UInt32 = 0
    private static let lastEpochTag: UInt32 = 64
    /// Eight bytes for each partition, by topic and number; -1 for one that was gone.
    private static let endsTag: UInt32 = 65

    enum Entry: Equatable {
        case transaction(id: String, TransactionMetadata?)
        /// All producer ids below `end` may have been given.
        case producerIDs(end: Int64)
        /// A key of a newer Kafka.
        case unknown
    }

    /// - Parameter metadata: nil removes the id.
    static func transaction(_ id: String, _ metadata: TransactionMetadata?) -> StateRecord {
        var key = Key()
        key.transactionalID = id
        return StateRecord(key: encoded(key, version: keyVersion), value: metadata.map(value))
    }

    static func producerIDs(end: Int64) -> StateRecord {
        StateRecord(key: encoded(Empty(), version: producerIDsVersion), value: encoded(end, version: 0))
    }

    static func read(_ record: StateRecord) throws(WireError) -> Entry {
        var reader = try versioned(record.key)
        switch reader.version {
        case keyVersion:
            var key = Key()
            try key.code(&reader)
            guard let value = record.value else { return .transaction(id: key.transactionalID, nil) }
            return .transaction(id: key.transactionalID, try metadata(value))
        case producerIDsVersion:
            guard let value = record.value else { return .unknown }
            var end: Int64 = 0
            var reader = try versioned(value)
            try reader.int64(&end)
            return .producerIDs(end: end)
        default: return .unknown
        }
    }

    private static func encoded(_ fields: some WireField, version: Int16) -> [UInt8] {
        var writer = MessageWriter(version: version, isFlexible: false)
        var version = version
        var fields = fields
        writer.int16(&version)
        // Writing throws nothing: the protocol's throws are the reader's.
        do { try fields.code(&writer) } catch { preconditionFailure("a record cannot be written: \(error)") }
        return writer.finish().flatMap(inMemory)
    }

    private static func value(_ metadata: TransactionMetadata) -> [UInt8] {
        var value = Value(metadata)
        guard metadata.lastProducerEpoch != -1 || !metadata.ends.isEmpty else { return encoded(value, version: 0) }
        var writer = MessageWriter(version: 1, isFlexible: true)
        var version: Int16 = 1
        writer.int16(&version)
        // As above.
        do { try value.code(&writer) } catch { preconditionFailure("a record cannot be written: \(error)") }
        writeTags(metadata, to: &writer)
        return writer.finish().flatMap(inMemory)
    }

    private static func inMemory(_ part: MessageWriter.Part) -> ArraySlice<UInt8> {
        if case .bytes(let bytes) = part { bytes } else { [] }
    }

    /// Each field: tag, size, numbers.
    private static func writeTags(_ metadata: TransactionMetadata, to writer: inout MessageWriter) {
        let hasEpoch = metadata.lastProducerEpoch != -1
        writer.unsignedVarint((hasEpoch ? 2 : 0) + (metadata.ends.isEmpty ? 0 : 1))
        if hasEpoch {
            var (id, epoch) = (metadata.lastProducerID, metadata.lastProducerEpoch)
            for number in [previousProducerIDTag, 8] { writer.unsignedVarint(number) }
            writer.int64(&id)
            for number in [lastEpochTag, 2] { writer.unsignedVarint(number) }
            writer.int16(&epoch)
        }
        guard !metadata.ends.isEmpty else { return }
        for number in [endsTag, UInt32(metadata.partitions.count * 8)] { writer.unsignedVarint(number) }
        for partition in metadata.partitions.sorted() {
            var end = metadata.ends[partition] ?? -1
            writer.int64(&end)
        }
    }

    /// Behind the version, which the reader takes over.
    private static func versioned(_ bytes: [UInt8], firstFlexible: Int16 = .max) throws(WireError) -> MessageReader {
        var reader = MessageReader(bytes, version: 0, isFlexible: false)
        var version: Int16 = 0
        try reader.int16(&version)
        return reader.reading(version: version, isFlexible: version >= firstFlexible && version != .max)
    }

    private static func metadata(_ bytes: [UInt8]) throws(WireError) -> TransactionMetadata {
        var reader = try versioned(bytes, firstFlexible: 1)
        guard (0...1).contains(reader.version) else { throw WireError("version \(reader.version) of a transaction is not known", at: 0) }
        var value = Value()
        try value.code(&reader)
        var metadata = try value.metadata()
        if reader.isFlexible { try readTags(&reader, into: &metadata) }
        return metadata
    }

    private static func readTags(_ reader: inout MessageReader, into metadata: inout TransactionMetadata) throws(WireError) {
        for _ in 0..<(try reader.unsignedVarint()) {
            switch (try reader.unsignedVarint(), try reader.unsignedVarint()) {
            case (previousProducerIDTag, 8): try reader.int64(&metadata.lastProducerID)
            case (lastEpochTag, 2): try reader.int16(&metadata.lastProducerEpoch)
            case (endsTag, let size):
                guard Int(size) == metadata.partitions.count * 8 else { throw WireError("\(size) bytes of end offsets", at: 0) }
                for partition in metadata.partitions.sorted() {
                    var end: Int64 = -1
                    try reader.int64(&end)
                    metadata.ends[partition] = end < 0 ? nil : end
                }
            case (_, let size):
                var byte: Int8 = 0
                for _ in 0..<size { try reader.int8(&byte) }
            }
        }
    }

    private struct Empty: WireField {
        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {}
    }

    private struct Key: WireField {
        var transactionalID = ""

        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.string(&transactionalID) }
    }

    private struct Value: WireField {
        var producerID: Int64 = 0
        var producerEpoch: Int16 = 0
        var timeoutMs: Int32 = 0
        var status: Int8 = 0
        var topics: [Topic]?
        var updateTimestamp: Int64 = 0
        var startTimestamp: Int64 = 0

        struct Topic: WireField {
            var name = ""
            var partitions: [Int32] = []

            mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
                try coder.string(&name)
                try coder.array(&partitions)
                try coder.tags()
            }
        }

        init() {}

        init(_ metadata: TransactionMetadata) {
            producerID = metadata.producerID
            producerEpoch = metadata.producerEpoch
            timeoutMs = metadata.timeoutMs
            status = metadata.state.rawValue
            // As in Kafka, where an id without a transaction has none.
            if metadata.state != .empty { topics = Self.topics(metadata.partitions) }
            updateTimestamp = metadata.updateTimestamp
            startTimestamp = metadata.startTimestamp
        }

        private static func topics(_ partitions: Set<TopicPartition>) -> [Topic] {
            Dictionary(grouping: partitions, by: \.topic).sorted { $0.key < $1.key }.map { name, partitions in
                var topic = Topic()
                topic.name = name
                topic.partitions = partitions.map(\.partition).sorted()
                return topic
            }
        }

        func metadata() throws(WireError) -> TransactionMetadata {
            guard let state = TransactionState(rawValue: status) else { throw WireError("transaction state \(status) is not known", at: 0) }
            var partitions: Set<TopicPartition> = []
            for topic in topics ?? [] { partitions.formUnion(topic.partitions.map { TopicPartition(topic.name, $0) }) }
            return TransactionMetadata(
                producerID: producerID, producerEpoch: producerEpoch, timeoutMs: timeoutMs, state: state, partitions: partitions,
                startTimestamp: startTimestamp, updateTimestamp: updateTimestamp)
        }

        /// The tagged fields, which end a structure of version 1, follow.
        mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
            try coder.int64(&producerID)
            try coder.int16(&producerEpoch)
            try coder.int32(&timeoutMs)
            try coder.int8(&status)
            try coder.nullableArray(&topics)
            try coder.int64(&updateTimestamp)
            try coder.int64(&startTimestamp)
        }
    }
}
