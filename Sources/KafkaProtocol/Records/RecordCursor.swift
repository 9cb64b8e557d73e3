/// Goes through uncompressed records, each number and length checked against what is left: https://kafka.apache.org/documentation/#record
struct RecordCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0
    private var end: Int

    /// `bytes` outlive the cursor.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        end = bytes.count
    }

    var isAtEnd: Bool { position == end }

    private mutating func byte() throws(BatchError) -> UInt8 {
        guard position < end else { throw .invalid("a record ends in a number") }
        defer { position += 1 }
        return bytes[position]
    }

    /// At most 64 bits, 7 in a byte, the lowest first; the lowest bit is the sign.
    @inline(__always)
    mutating func varint() throws(BatchError) -> Int64 {
        // Nearly all numbers of a record have one byte or two, and every record that is produced comes by here.
        guard end - position >= 2 else { return try longVarint() }
        let (first, second) = (bytes[position], bytes[position + 1])
        if first < 0x80 {
            position += 1
            return Self.signed(UInt64(first))
        }
        guard second < 0x80 else { return try longVarint() }
        position += 2
        return Self.signed(UInt64(first & 0x7f) | UInt64(second) << 7)
    }

    private static func signed(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }

    private mutating func longVarint() throws(BatchError) -> Int64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            // The tenth byte has one bit left to give.
            guard shift < 63 || byte <= 1 else { throw .invalid("a number is longer than 64 bits") }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { break }
            shift += 7
        }
        return Self.signed(value)
    }

    private mutating func varint32() throws(BatchError) -> Int32 {
        let value = try varint()
        guard let exact = Int32(exactly: value) else { throw .invalid("a number is longer than 32 bits") }
        return exact
    }

    private mutating func take(_ count: Int32) throws(BatchError) -> Range<Int> {
        guard count >= 0, Int(count) <= end - position else { throw .invalid("a length of \(count), with \(end - position) bytes left") }
        defer { position += Int(count) }
        return position..<position + Int(count)
    }

    /// Bytes with their length in front; nil when it is -1.
    private mutating func field() throws(BatchError) -> Range<Int>? {
        let count = try varint32()
        return count == -1 ? nil : try take(count)
    }

    mutating func record() throws(BatchError) -> RecordLayout {
        let start = position
        let limit = end
        let length = try varint32()
        guard length >= 0, Int(length) <= end - position else { throw .invalid("a record of \(length) bytes, with \(end - position) left") }
        // Nothing in the record reaches beyond it.
        end = position + Int(length)
        defer { end = limit }
        let attributesOffset = position - start
        // None are in use.
        _ = try byte()
        let timestampDelta = try varint()
        let restOffset = position - start
        let offsetDelta = try varint32()
        let key = try field()
        let value = try field()
        let headerCount = try varint32()
        // Each takes two bytes at least.
        guard headerCount >= 0, Int(headerCount) <= (end - position) / 2 else {
            throw .invalid("\(headerCount) headers do not fit in their record")
        }
        let headersStart = position
        for _ in 0..<headerCount { _ = try headerLayout() }
        guard isAtEnd else { throw .invalid("a record is longer than its fields") }
        return RecordLayout(
            whole: start..<end, attributesOffset: attributesOffset, restOffset: restOffset, timestampDelta: timestampDelta,
            offsetDelta: offsetDelta, key: key, value: value,
            headerCount: Int(headerCount), headers: headersStart..<position)
    }

    private mutating func headerLayout() throws(BatchError) -> (key: Range<Int>, value: Range<Int>?) {
        guard let key = try field() else { throw .invalid("a header has no key") }
        return (key, try field())
    }

    /// The headers of a record that `record` has checked.
    static func headers(_ layout: RecordLayout, in content: ArraySlice<UInt8>) throws(BatchError) -> [RecordHeader] {
        guard layout.headerCount > 0 else { return [] }
        return try content.withBytes { (bytes) throws(BatchError) in
            var cursor = RecordCursor(bytes)
            cursor.position = layout.headers.lowerBound
            var headers: [RecordHeader] = []
            headers.reserveCapacity(layout.headerCount)
            for _ in 0..<layout.headerCount {
                let (key, value) = try cursor.headerLayout()
                headers.append(RecordHeader(String(decoding: bytes[key], as: UTF8.self), value.map { content.part($0) }))
            }
            return headers
        }
    }
}

extension ArraySlice<UInt8> {
    /// The part at a range that counts from the slice's own start.
    func part(_ range: Range<Int>) -> ArraySlice<UInt8> { self[startIndex + range.lowerBound..<startIndex + range.upperBound] }

    /// As `withUnsafeBytes`, with the type of the error.
    func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(Failure) in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
