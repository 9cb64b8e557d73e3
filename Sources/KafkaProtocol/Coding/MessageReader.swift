/// Fills messages from the bytes of a frame. Every length is checked against what is left before anything is allocated.
public struct MessageReader: MessageCoder {
    /// A frame that asks for more elements in all its arrays together is refused: small bytes can become large structures.
    public static let maximumElements = 1_000_000
    /// The longest text that is read or written, in bytes of UTF-8: what the two-byte lengths of the older versions can say.
    public static let maximumTextBytes = 32_767

    public let version: Int16
    public let isFlexible: Bool
    private let buffer: [UInt8]
    /// The next byte, as an index of `buffer`.
    public private(set) var position: Int
    private let end: Int
    private var elementsLeft = maximumElements

    /// - Parameter frame: without the size that stands before it.
    public init(_ frame: [UInt8], from position: Int = 0, version: Int16, isFlexible: Bool) {
        buffer = frame
        self.position = position
        end = frame.count
        self.version = version
        self.isFlexible = isFlexible
    }

    public var remaining: Int { end - position }

    /// The same place, for what comes after the header.
    public func reading(version: Int16, isFlexible: Bool) -> MessageReader {
        MessageReader(buffer, from: position, version: version, isFlexible: isFlexible)
    }

    /// Throws when bytes are left over.
    public func finish() throws(WireError) {
        guard remaining == 0 else { throw WireError("\(remaining) bytes follow the message", at: position) }
    }

    private mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(WireError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size else { throw WireError("the message ends in a number of \(size) bytes", at: position) }
        let value = buffer.withUnsafeBytes { Value(bigEndian: $0.loadUnaligned(fromByteOffset: position, as: Value.self)) }
        position += size
        return value
    }

    public mutating func bool(_ value: inout Bool) throws(WireError) { value = try integer(UInt8.self) != 0 }
    public mutating func int8(_ value: inout Int8) throws(WireError) { value = try integer(Int8.self) }
    public mutating func int16(_ value: inout Int16) throws(WireError) { value = try integer(Int16.self) }
    public mutating func int32(_ value: inout Int32) throws(WireError) { value = try integer(Int32.self) }
    public mutating func int64(_ value: inout Int64) throws(WireError) { value = try integer(Int64.self) }
    public mutating func uuid(_ value: inout WireUUID) throws(WireError) {
        value.high = try integer(UInt64.self)
        value.low = try integer(UInt64.self)
    }

    /// An unsigned number of at most 32 bits, 7 in a byte, the lowest first.
    public mutating func unsignedVarint() throws(WireError) -> UInt32 {
        let start = position
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 28, by: 7) {
            let byte = try integer(UInt8.self)
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 {
                guard let exact = UInt32(exactly: value) else { break }
                return exact
            }
        }
        throw WireError("a number is longer than 32 bits", at: start)
    }

    /// The length of what follows; nil for null.
    private mutating func length(short: Bool) throws(WireError) -> Int? {
        let start = position
        let length: Int
        if isFlexible {
            length = Int(try unsignedVarint()) - 1
        } else {
            length = short ? Int(try integer(Int16.self)) : Int(try integer(Int32.self))
        }
        if length == -1 { return nil }
        guard length >= 0 else { throw WireError("a length is \(length)", at: start) }
        guard length <= remaining else { throw WireError("a length of \(length), with \(remaining) bytes left", at: start) }
        return length
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        defer { position += count }
        return buffer[position..<position + count]
    }

    public mutating func nullableString(_ value: inout String?) throws(WireError) {
        let start = position
        guard let length = try length(short: true) else {
            value = nil
            return
        }
        // A compact length could be larger; then other versions, and records, had no place for the text.
        guard length <= Self.maximumTextBytes else { throw WireError("a text of \(length) bytes", at: start) }
        guard let text = String(validating: take(length), as: UTF8.self) else { throw WireError("a text is not UTF-8", at: start) }
        value = text
    }

    public mutating func string(_ value: inout String) throws(WireError) {
        let start = position
        var text: String?
        try nullableString(&text)
        guard let text else { throw WireError("a text is null that must not be", at: start) }
        value = text
    }

    public mutating func nullableBytes(_ value: inout [UInt8]?) throws(WireError) {
        value = try length(short: false).map { Array(take($0)) }
    }

    public mutating func bytes(_ value: inout [UInt8]) throws(WireError) {
        let start = position
        guard let length = try length(short: false) else { throw WireError("bytes are null that must not be", at: start) }
        value = Array(take(length))
    }

    public mutating func records(_ value: inout RecordData) throws(WireError) {
        value = try length(short: false).map { .bytes(take($0)) } ?? .null
    }

    public mutating func nullableArray<Element: WireField>(_ value: inout [Element]?) throws(WireError) {
        let start = position
        guard let count = try length(short: false) else {
            value = nil
            return
        }
        elementsLeft -= count
        guard elementsLeft >= 0 else { throw WireError("more than \(Self.maximumElements) elements", at: start) }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, 4096))
        for _ in 0..<count {
            var element = Element()
            try element.code(&self)
            elements.append(element)
        }
        value = elements
    }

    public mutating func array<Element: WireField>(_ value: inout [Element]) throws(WireError) {
        let start = position
        var elements: [Element]?
        try nullableArray(&elements)
        guard let elements else { throw WireError("an array is null that must not be", at: start) }
        value = elements
    }

    public mutating func tags() throws(WireError) {
        guard isFlexible else { return }
        for _ in 0..<(try unsignedVarint()) {
            _ = try unsignedVarint()
            let size = Int(try unsignedVarint())
            guard size <= remaining else { throw WireError("a tagged field of \(size) bytes, with \(remaining) left", at: position) }
            position += size
        }
    }
}
