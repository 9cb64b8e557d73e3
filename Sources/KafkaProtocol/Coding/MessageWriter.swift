/// Writes messages. Record batches that lie in files or in other buffers are not copied: the result is a list of parts.
public struct MessageWriter: MessageCoder {
    public enum Part: Sendable {
        case bytes(ArraySlice<UInt8>)
        case file(FileRegion)

        public var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .file(let region): region.count
            }
        }
    }

    /// Record data of up to this many bytes is copied between its neighbours: cheaper than another part.
    private static let copiedSize = 4096
    /// Bytes of a message in memory at most; nobody asks for more in earnest. What lies in files does not count.
    public static let maximumBytes = 256 << 20

    public let version: Int16
    public private(set) var isFlexible: Bool
    private var parts: [Part] = []
    private var buffer: [UInt8] = []
    /// Of the parts that are in memory.
    private var partBytes = 0

    public init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    /// All that was written, in order.
    public consuming func finish() -> [Part] {
        endPart()
        return parts
    }

    /// A frame: the size, the answer's header, and the message. Nil when it would be too large.
    public static func response(_ message: some APIResponse, correlationID: Int32, version: Int16) -> [Part]? {
        let api = type(of: message).api
        var writer = MessageWriter(version: version, isFlexible: api.isFlexible(version))
        // Room for the size.
        writer.put(Int32(0))
        writer.put(correlationID)
        // An answer to ApiVersions has the old header always: whoever asks does not yet know what we speak.
        if api.isFlexible(version), api != .apiVersions { writer.put(UInt8(0)) }
        writer.write(message)
        return writer.isTooLarge ? nil : writer.framed()
    }

    /// A frame: the size, the request's header, and the message. For clients, which here means tests.
    public static func request(_ message: some APIRequest, correlationID: Int32, clientID: String?, version: Int16) -> [Part] {
        let api = type(of: message).api
        var writer = MessageWriter(version: version, isFlexible: api.isFlexible(version))
        writer.put(Int32(0))
        writer.put(api.rawValue)
        writer.put(version)
        writer.put(correlationID)
        writer.withFlexible(false) { $0.put(clientID) }
        if api.isFlexible(version) { writer.put(UInt8(0)) }
        writer.write(message)
        return writer.framed()
    }

    private consuming func framed() -> [Part] {
        var parts = finish()
        let size = Int32(parts.reduce(-4) { $0 + $1.count })
        if case .bytes(var head) = parts[0] {
            parts[0] = .bytes([])
            withUnsafeBytes(of: size.bigEndian) { head.replaceSubrange(head.startIndex..<head.startIndex + 4, with: $0) }
            parts[0] = .bytes(head)
        }
        return parts
    }

    private var isTooLarge: Bool { partBytes + buffer.count > Self.maximumBytes }

    private mutating func withFlexible(_ flexible: Bool, _ body: (inout MessageWriter) -> Void) {
        let before = isFlexible
        isFlexible = flexible
        body(&self)
        isFlexible = before
    }

    private mutating func write<Message: WireField>(_ message: Message) {
        var message = message
        // Writing throws nothing: the protocol's throws are the reader's.
        do { try message.code(&self) } catch { preconditionFailure("a message cannot be written: \(error)") }
    }

    /// Goes no further when the message is too large.
    private mutating func write<Element: WireField>(_ elements: [Element]) {
        for element in elements where !isTooLarge { write(element) }
    }

    private mutating func endPart() {
        guard !buffer.isEmpty else { return }
        partBytes += buffer.count
        parts.append(.bytes(buffer[...]))
        buffer = []
    }

    private mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { buffer.append(contentsOf: $0) }
    }

    /// How many bytes of a text are written: whole characters, and no more than a length of the protocol can say. Names that came in are never longer, but
    /// a message about one can be.
    private static func writable(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        guard text.count > MessageReader.maximumTextBytes else { return text.count }
        var count = MessageReader.maximumTextBytes
        while count > 0, text[count] & 0xc0 == 0x80 { count -= 1 }
        return count
    }

    private mutating func put(_ value: String?) {
        guard var value else { return putLength(nil, short: true) }
        value.withUTF8 { text in
            let count = Self.writable(text)
            putLength(count, short: true)
            buffer.append(contentsOf: text[..<count])
        }
    }

    /// An unsigned number in groups of seven bits, the lowest first.
    public mutating func unsignedVarint(_ value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            buffer.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.append(UInt8(rest))
    }

    /// nil stands for null.
    private mutating func putLength(_ length: Int?, short: Bool) {
        if isFlexible { return unsignedVarint(UInt32((length ?? -1) + 1)) }
        if short { put(Int16(length ?? -1)) } else { put(Int32(length ?? -1)) }
    }

    public mutating func bool(_ value: inout Bool) { put(UInt8(value ? 1 : 0)) }
    public mutating func int8(_ value: inout Int8) { put(value) }
    public mutating func int16(_ value: inout Int16) { put(value) }
    public mutating func int32(_ value: inout Int32) { put(value) }
    public mutating func int64(_ value: inout Int64) { put(value) }
    public mutating func uuid(_ value: inout WireUUID) {
        put(value.high)
        put(value.low)
    }
    public mutating func string(_ value: inout String) { put(value) }
    public mutating func nullableString(_ value: inout String?) { put(value) }
    public mutating func bytes(_ value: inout [UInt8]) {
        putLength(value.count, short: false)
        buffer.append(contentsOf: value)
    }
    public mutating func nullableBytes(_ value: inout [UInt8]?) {
        putLength(value?.count, short: false)
        if let value { buffer.append(contentsOf: value) }
    }

    public mutating func records(_ value: inout RecordData) {
        switch value {
        case .null: putLength(nil, short: false)
        case .bytes(let bytes):
            putLength(bytes.count, short: false)
            if bytes.count <= Self.copiedSize { return buffer.append(contentsOf: bytes) }
            endPart()
            partBytes += bytes.count
            parts.append(.bytes(bytes))
        case .file(let region):
            putLength(region.count, short: false)
            endPart()
            parts.append(.file(region))
        }
    }

    public mutating func array<Element: WireField>(_ value: inout [Element]) {
        putLength(value.count, short: false)
        write(value)
    }

    public mutating func nullableArray<Element: WireField>(_ value: inout [Element]?) {
        putLength(value?.count, short: false)
        write(value ?? [])
    }

    public mutating func tags() { if isFlexible { unsignedVarint(0) } }
}
