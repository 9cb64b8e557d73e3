import CSystem
import KafkaProtocol

extension SentBatch: WireField {
    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int32(&baseSequence)
        try coder.int32(&lastSequence)
        try coder.int64(&baseOffset)
        try coder.int64(&lastOffset)
        try coder.int64(&appendTime)
    }
}

extension ProducerEntry: WireField {
    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) {
        try coder.int64(&producerID)
        try coder.int16(&epoch)
        try coder.int32(&coordinatorEpoch)
        try coder.int64(&lastUpdate)
        try coder.int64(&transactionStart)
        try coder.array(&batches)
    }
}

/// The producers of a partition at an offset, as they are kept in a file.
struct ProducerSnapshot: WireField {
    var entries: [ProducerEntry] = []

    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.array(&entries) }

    static func name(_ offset: Int64) -> String { Segment.name(offset) + ".snapshot" }
}

/// A structure in a file: the structure's version, a checksum of what follows, and its fields as a message has them.
enum CheckedFile {
    static let headSize = 6

    static func encode(_ value: some WireField, version: Int16) -> [UInt8] {
        var value = value
        var writer = MessageWriter(version: version, isFlexible: false)
        var head = version
        var crc: Int32 = 0
        writer.int16(&head)
        writer.int32(&crc)
        // Writing throws nothing: the protocol's throws are the reader's.
        do { try value.code(&writer) } catch { preconditionFailure("a structure cannot be written: \(error)") }
        var bytes: [UInt8] = []
        for case .bytes(let part) in writer.finish() { bytes += part }
        bytes.withUnsafeMutableBytes { $0.put(csystem_crc32c(0, $0.baseAddress! + headSize, $0.count - headSize), 2) }
        return bytes
    }

    static func decode<Value: WireField>(_ bytes: [UInt8], versions: ClosedRange<Int16>) throws(WireError) -> Value {
        guard bytes.count >= headSize else { throw WireError("\(bytes.count) bytes are too few", at: 0) }
        let (found, crc) = bytes.withUnsafeBytes { ($0.number(0, Int16.self), $0.number(2, UInt32.self)) }
        guard versions.contains(found) else { throw WireError("version \(found) is not known", at: 0) }
        let computed = bytes.withUnsafeBytes { csystem_crc32c(0, $0.baseAddress! + headSize, $0.count - headSize) }
        guard computed == crc else { throw WireError("the checksum is wrong", at: 2) }
        var reader = MessageReader(bytes, from: headSize, version: found, isFlexible: false)
        var value = Value()
        try value.code(&reader)
        try reader.finish()
        return value
    }
}
