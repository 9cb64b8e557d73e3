/// The headers of a record, in their order, in one piece of memory: a record with headers costs one allocation for all of them. Names may repeat.
///
/// A collection of `Header`, each of which is made as it is asked for; `withEach` gives them as they lie there.
public struct Headers: Sendable, Equatable, Collection, ExpressibleByArrayLiteral {
    /// Header by header: the size of the name and of the value (-1 for null) as 32-bit numbers, the name, the value.
    private var packed: [UInt8] = []
    public private(set) var count = 0

    public init() {}

    public init(_ headers: some Sequence<Header>) { for header in headers { append(header) } }

    public init(arrayLiteral elements: Header...) { self.init(elements) }

    public mutating func reserve(bytes: Int) { packed.reserveCapacity(bytes) }

    public mutating func append(_ header: Header) {
        var name = header.name
        name.withUTF8 { name in
            if let value = header.value { value.withUnsafeBufferPointer { append(name, $0) } } else { append(name, nil) }
        }
    }

    /// Appends a header as bytes; a null value is nil.
    public mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>?) {
        let bytes = Self.sizesBytes + name.count + (value?.count ?? 0)
        packed.append(addingCapacity: bytes) { free in
            free.withUnsafeMutableBufferPointer { memory, used in
                let header = UnsafeMutableRawBufferPointer(memory)
                header.storeBytes(of: Int32(truncatingIfNeeded: name.count), as: Int32.self)
                header.storeBytes(of: value.map { Int32(truncatingIfNeeded: $0.count) } ?? -1, toByteOffset: 4, as: Int32.self)
                let text = UnsafeMutableRawBufferPointer(rebasing: header[Self.sizesBytes...])
                text.copyMemory(from: UnsafeRawBufferPointer(name))
                let rest = UnsafeMutableRawBufferPointer(rebasing: text[name.count...])
                if let value { rest.copyMemory(from: UnsafeRawBufferPointer(value)) }
                used = bytes
            }
        }
        count += 1
    }

    public mutating func append(contentsOf headers: some Sequence<Header>) { for header in headers { append(header) } }

    public static func += (left: inout Headers, right: some Sequence<Header>) { left.append(contentsOf: right) }

    public static func + (left: Headers, right: some Sequence<Header>) -> Headers {
        var sum = left
        sum.append(contentsOf: right)
        return sum
    }

    /// The last header that satisfies `predicate`: of two with one name that one counts.
    public func last(where predicate: (Header) -> Bool) -> Header? { reduce(nil) { predicate($1) ? $1 : $0 } }

    /// The bytes of all names and values.
    public var byteCount: Int { packed.count - count * Self.sizesBytes }

    /// Calls `body` with the bytes of each name and value (nil for null), which are valid within `body` only, unless all of it happens within `withBytes`.
    public func withEach(_ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>?) -> Void) {
        withBytes { $0.giveEach(body) }
    }

    /// Calls `body` with all headers as they lie in memory, which are valid until it returns.
    public func withBytes<Result, Failure: Error>(_ body: (Bytes) throws(Failure) -> Result) throws(Failure) -> Result {
        try packed.withUnsafeBufferPointer { (bytes) throws(Failure) in try body(Bytes(bytes: UnsafeRawBufferPointer(bytes))) }
    }

    /// Headers as they lie in memory.
    public struct Bytes {
        fileprivate let bytes: UnsafeRawBufferPointer

        public func giveEach(_ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>?) -> Void) {
            guard let start = bytes.baseAddress else { return }
            var place = 0
            while place < bytes.count {
                let name = Int(start.loadUnaligned(fromByteOffset: place, as: Int32.self))
                let value = Int(start.loadUnaligned(fromByteOffset: place + 4, as: Int32.self))
                let text = (start + place + Headers.sizesBytes).assumingMemoryBound(to: UInt8.self)
                body(
                    UnsafeBufferPointer(start: text, count: name), value < 0 ? nil : UnsafeBufferPointer(start: text + name, count: value))
                place += Headers.sizesBytes + name + Swift.max(0, value)
            }
        }
    }

    private static let sizesBytes = 8

    // MARK: Collection

    /// Where a header begins in `packed`.
    public var startIndex: Int { 0 }
    public var endIndex: Int { packed.count }

    public func index(after place: Int) -> Int {
        let (name, value) = sizes(at: place)
        return place + Self.sizesBytes + name + Swift.max(0, value)
    }

    public subscript(place: Int) -> Header {
        let (name, value) = sizes(at: place)
        let start = place + Self.sizesBytes
        return Header(
            String(decoding: packed[start..<start + name], as: UTF8.self),
            value < 0 ? nil : Array(packed[start + name..<start + name + value]))
    }

    private func sizes(at place: Int) -> (name: Int, value: Int) {
        packed.withUnsafeBytes {
            (
                Int($0.loadUnaligned(fromByteOffset: place, as: Int32.self)),
                Int($0.loadUnaligned(fromByteOffset: place + 4, as: Int32.self))
            )
        }
    }
}
