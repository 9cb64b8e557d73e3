import CRdKafka
import Glibc

/// Topic names by librdkafka's topic objects, so that a record costs no new string. At most 4096 are kept.
struct TopicNames {
    private var names: [OpaquePointer: String] = [:]
    /// Most records come from the topic of the one before.
    private var last: (topic: OpaquePointer, name: String)?

    mutating func name(of topic: OpaquePointer?) -> String {
        guard let topic, let text = rd_kafka_topic_name(topic) else { return "" }
        // The object may have been freed and its address used again: compare.
        if let last, last.topic == topic, Self.isSame(last.name, text) { return last.name }
        let name = known(topic, text)
        last = (topic, name)
        return name
    }

    private mutating func known(_ topic: OpaquePointer, _ text: UnsafePointer<CChar>) -> String {
        if let name = names[topic], Self.isSame(name, text) { return name }
        if names.count >= 4096 { names.removeAll(keepingCapacity: true) }
        let name = String(cString: text)
        names[topic] = name
        return name
    }

    private static func isSame(_ name: String, _ text: UnsafePointer<CChar>) -> Bool { name.withCString { strcmp($0, text) == 0 } }
}

extension Record {
    init(reading message: UnsafeMutablePointer<rd_kafka_message_t>, names: inout TopicNames) {
        let source = message.pointee
        self.init(
            topicPartition: TopicPartition(names.name(of: source.rkt), source.partition), offset: source.offset,
            key: bytes(source.key, source.key_len), value: bytes(source.payload, source.len), headers: Self.headers(of: message),
            timestamp: Self.timestamp(of: message))
    }

    private static func headers(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> Headers {
        var list: OpaquePointer?
        var headers = Headers()
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return headers }
        let count = rd_kafka_header_cnt(list)
        headers.reserve(bytes: 48 * count)
        for index in 0..<count {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name else { break }
            name.withMemoryRebound(to: UInt8.self, capacity: 1) { text in
                headers.append(
                    UnsafeBufferPointer(start: text, count: strlen(name)),
                    value.map { UnsafeBufferPointer(start: $0.assumingMemoryBound(to: UInt8.self), count: size) })
            }
        }
        return headers
    }

    private static func timestamp(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> RecordTimestamp {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let milliseconds = rd_kafka_message_timestamp(message, &type)
        switch type {
        case RD_KAFKA_TIMESTAMP_CREATE_TIME: return RecordTimestamp(kind: .created, milliseconds: milliseconds)
        case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME: return RecordTimestamp(kind: .appended, milliseconds: milliseconds)
        default: return .none
        }
    }
}

/// nil for a null pointer; an empty array for no bytes.
private func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
}

private func bytes(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8]? { bytes(UnsafeRawPointer(pointer), count) }
