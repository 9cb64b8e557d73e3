import CSimdJSON
import Glibc

/// Why bytes are not the JSON that we read.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notJSON = "not-json"
        case invalidUTF8 = "invalid-utf8"
        case tooDeep = "too-deep"
        case tooLarge = "too-large"
        case duplicateKey = "duplicate-key"
    }
    public let code: Code
    /// What is wrong, for people; never a value of the input.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}

/// The limits that every JSON text is read under.
public enum JSONLimits {
    /// How deep arrays and objects may be nested; an empty one at the very bottom does not count.
    public static let maximumDepth = 64
    /// The largest text that is read at all, in bytes. Envelopes have a smaller limit of their own (`EnvelopeLimits`).
    public static let maximumBytes = 16 << 20
}

/// simdjson's DOM parser with its reusable buffers. For one use at a time, on one thread; `take` lends one out, `giveBack` returns it.
final class JSONParser {
    private let handle: OpaquePointer
    /// What was parsed last: an array, or the payload of an envelope and where it stands in that.
    private var last: (bytes: [UInt8], element: JSONElement)?
    private var lastName = ""

    private init() {
        guard let made = csj_parser_new(JSONLimits.maximumDepth) else { preconditionFailure("no memory for a JSON parser") }
        handle = made
    }

    deinit { csj_parser_free(handle) }

    /// Parses `bytes`, refuses duplicate names at every depth. What it gives is valid until the next parse and while the parser lives.
    func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) -> JSONDocument {
        guard bytes.count <= JSONLimits.maximumBytes else {
            throw JSONError(.tooLarge, "\(bytes.count) bytes, the largest JSON text that is read has \(JSONLimits.maximumBytes)")
        }
        last = nil
        var raw = csj_document()
        let status = csj_parse(handle, bytes.baseAddress, bytes.count, &raw)
        switch status {
        case CSJ_OK: break
        case CSJ_EMPTY: throw JSONError(.notJSON, "it is empty")
        case CSJ_INVALID_UTF8: throw JSONError(.invalidUTF8, "it is not valid UTF-8")
        case CSJ_TOO_DEEP: throw JSONError(.tooDeep, "it is nested more than \(JSONLimits.maximumDepth) levels deep")
        case CSJ_BAD_NUMBER: throw JSONError(.notJSON, "a number is not legal JSON, or is a whole number beyond 64 bits")
        case CSJ_BAD_STRING: throw JSONError(.notJSON, "a string has an illegal escape or an unescaped control character")
        case CSJ_TOO_LARGE: throw JSONError(.tooLarge, "there is no memory to read \(bytes.count) bytes of JSON")
        default: throw JSONError(.notJSON, "it is not JSON")
        }
        let document = JSONDocument(raw: raw)
        if let name = document.duplicateName() { throw JSONError(.duplicateKey, "an object has the name \"\(name)\" twice") }
        return document
    }

    /// Notes that `bytes` are the text of `element` of the document at hand: a bot that decodes a payload, and one that hands it on, find it parsed.
    func remember(_ bytes: [UInt8], as element: JSONElement) { last = (bytes, element) }

    /// The root of `bytes`, from the last parse where that was of the same array: the array is held here, so its memory is nobody else's meanwhile.
    func root(of bytes: [UInt8]) throws(JSONError) -> JSONElement {
        try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> JSONElement in
            if let last, last.bytes.count == buffer.count, last.bytes.withUnsafeBufferPointer({ $0.baseAddress == buffer.baseAddress }) {
                return last.element
            }
            let root = try parse(buffer).root
            last = (bytes, root)
            return root
        }
    }

    /// The name that these bytes are. The one before is handed out again where it is the same, as with most events that come together: it takes no more memory.
    func name(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        if !lastName.withBytes({ bytes.isEqual(to: $0) }) { lastName = String(decoding: bytes, as: UTF8.self) }
        return lastName
    }

    // MARK: The parser of each thread

    /// Parsers whose buffers have grown beyond this many bytes of input are freed instead of kept.
    private static let largestKept = 1 << 20

    /// Where a thread's parser is while nobody uses it; freed with the thread. So there are as many as threads that have read JSON.
    private static let own: pthread_key_t = {
        var key = pthread_key_t()
        let status = pthread_key_create(&key) { parser in parser.map { Unmanaged<JSONParser>.fromOpaque($0).release() } }
        precondition(status == 0, "no more data of threads: \(String(cString: strerror(status)))")
        return key
    }()

    /// A parser that nobody else uses until it is given back, by the same thread: its own, or another where that is in use.
    static func take() -> JSONParser {
        guard let parser = pthread_getspecific(own) else { return JSONParser() }
        pthread_setspecific(own, nil)
        return Unmanaged<JSONParser>.fromOpaque(parser).takeRetainedValue()
    }

    static func giveBack(_ parser: consuming JSONParser) {
        guard csj_parser_capacity(parser.handle) <= largestKept, pthread_getspecific(own) == nil else { return }
        let kept = Unmanaged.passRetained(parser)
        if pthread_setspecific(own, kept.toOpaque()) != 0 { kept.release() }
    }
}
