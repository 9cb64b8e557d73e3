import CRdKafka

/// What a producer can send: an `OutgoingRecord`, or what is written only while it is handed to librdkafka, which copies it.
///
/// Its methods are called under the producer's lock, so they must not call the producer; and once more for each try while its queue is full.
public protocol Producible {
    var topic: String { get }
    /// nil: chosen by murmur2 of the key, as Java does; at random where the key is null.
    var partition: Int32? { get }
    /// Since 1970-01-01T00:00:00Z. nil, and 0 too, mean now.
    var timestampMilliseconds: Int64? { get }

    /// Calls `body` once with key and value (nil for null), which are valid within it.
    func withKeyAndValue<Result>(_ body: (UnsafeBufferPointer<UInt8>?, UnsafeBufferPointer<UInt8>?) -> Result) -> Result

    /// Adds the headers in their order.
    func addHeaders(to list: inout HeaderList)
}

/// The headers of a record on its way to librdkafka. Made with the first one: a record without headers has no list.
public struct HeaderList: ~Copyable {
    private(set) var pointer: OpaquePointer?

    deinit { if let list = pointer { rd_kafka_headers_destroy(list) } }

    public mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>?) {
        let list = pointer ?? rd_kafka_headers_new(8)!
        pointer = list
        name.withMemoryRebound(to: CChar.self) { name in
            withPlace(of: value) { value, size in _ = rd_kafka_header_add(list, name.baseAddress, name.count, value, size) }
        }
    }

    /// librdkafka has it now.
    mutating func handOver() { pointer = nil }
}

extension OutgoingRecord: Producible {
    public func withKeyAndValue<Result>(_ body: (UnsafeBufferPointer<UInt8>?, UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
        func with(_ bytes: [UInt8]?, _ body: (UnsafeBufferPointer<UInt8>?) -> Result) -> Result {
            guard let bytes else { return body(nil) }
            return bytes.withUnsafeBufferPointer { body($0) }
        }
        return with(key) { key in with(value) { value in body(key, value) } }
    }

    public func addHeaders(to list: inout HeaderList) { headers.withEach { list.add($0, $1) } }
}
