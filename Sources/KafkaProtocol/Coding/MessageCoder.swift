/// Goes through the fields of a message in the order of the wire: a reader fills them, a writer writes them.
///
/// So each message lists its fields once, and what can be read can be written. The encodings are those of the Kafka protocol guide:
/// https://kafka.apache.org/protocol.html#protocol_types
public protocol MessageCoder {
    /// The version of the message.
    var version: Int16 { get }
    /// Whether this version has compact lengths and tagged fields (KIP-482).
    var isFlexible: Bool { get }

    mutating func bool(_ value: inout Bool) throws(WireError)
    mutating func int8(_ value: inout Int8) throws(WireError)
    mutating func int16(_ value: inout Int16) throws(WireError)
    mutating func int32(_ value: inout Int32) throws(WireError)
    mutating func int64(_ value: inout Int64) throws(WireError)
    mutating func uuid(_ value: inout WireUUID) throws(WireError)
    mutating func string(_ value: inout String) throws(WireError)
    mutating func nullableString(_ value: inout String?) throws(WireError)
    mutating func bytes(_ value: inout [UInt8]) throws(WireError)
    mutating func nullableBytes(_ value: inout [UInt8]?) throws(WireError)
    mutating func records(_ value: inout RecordData) throws(WireError)
    mutating func array<Element: WireField>(_ value: inout [Element]) throws(WireError)
    mutating func nullableArray<Element: WireField>(_ value: inout [Element]?) throws(WireError)
    /// Tagged fields, at the end of every structure of a flexible version: a reader passes over all, a writer writes none.
    mutating func tags() throws(WireError)
}

/// What can stand in an array: a structure of a message, or a number or text.
public protocol WireField: Sendable {
    init()
    mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError)
}

extension Int8: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.int8(&self) }
}
extension Int16: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.int16(&self) }
}
extension Int32: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.int32(&self) }
}
extension Int64: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.int64(&self) }
}
extension String: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.string(&self) }
}
extension WireUUID: WireField {
    public mutating func code<Coder: MessageCoder>(_ coder: inout Coder) throws(WireError) { try coder.uuid(&self) }
}

/// Bytes that are not what they should be.
public struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
    public let reason: String
    /// Where in the frame or batch, in bytes.
    public let position: Int

    public init(_ reason: String, at position: Int) {
        self.reason = reason
        self.position = position
    }

    public var description: String { "\(reason) at byte \(position)" }
}
