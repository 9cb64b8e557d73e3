import Envelopes
import Glibc
import Kafka
import Terminal

/// A record as one line of JSON, byte for byte: what `mesh record` writes and `mesh replay --file` reads.
///
/// `topic`, `partition`, `offset`, `timestamp` (milliseconds; absent: none), `timestamp_type` (`CreateTime`, `LogAppendTime`), `key`, `value`, and `headers` as a list
/// of `name` and `value`. Bytes that are no UTF-8, and long ones, stand in base 64 under the name with `_base64`; null is null.
enum RecordLine {
    /// Beyond this text is not kept as text, in bytes: escaped it may be six times as long, in base 64 a third longer.
    fileprivate static let longestText = 1 << 20
    private static let beginning = Array(#"{"topic":""#.utf8)

    static func bytes(_ record: Record) -> [UInt8] {
        var line = JSONLine()
        line.member("topic", record.topic)
        line.member("partition", Int64(record.partition))
        line.member("offset", record.offset)
        switch record.timestamp.kind {
        case .none: break
        case .created:
            line.member("timestamp", record.timestamp.milliseconds)
            line.member("timestamp_type", "CreateTime")
        case .appended:
            line.member("timestamp", record.timestamp.milliseconds)
            line.member("timestamp_type", "LogAppendTime")
        }
        line.member("key", optional: record.key)
        line.member("value", optional: record.value)
        var headers: [UInt8] = [UInt8(ascii: "[")]
        for (place, header) in record.headers.enumerated() {
            if place > 0 { headers.append(UInt8(ascii: ",")) }
            var one = JSONLine()
            one.member("name", header.name)
            one.member("value", optional: header.value)
            headers += one.finished()
        }
        line.member("headers", raw: headers + [UInt8(ascii: "]")])
        return line.finished()
    }

    /// The topic of a line that `bytes(_:)` made, without reading the rest; nil for any other line.
    static func topic(_ line: [UInt8]) -> String? {
        guard line.starts(with: beginning) else { return nil }
        let name = line.dropFirst(beginning.count).prefix(256).prefix { $0 != UInt8(ascii: "\"") }
        let topic = String(decoding: name, as: UTF8.self)
        return EventType(topic).isLegal ? topic : nil
    }

    /// Throws a `UsageError` that names the place in the file.
    static func read(_ bytes: [UInt8], place: @autoclosure () -> String) throws(UsageError) -> Record {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue.parse(bytes)
        } catch {
            throw UsageError("\(place()): \(error.message)")
        }
        guard let topic = json["topic"]?.string, EventType(topic).isLegal,
            let partition = json["partition"]?.integer.flatMap({ Int32(exactly: $0) }), partition >= 0,
            let offset = json["offset"]?.integer, offset >= 0, let key = field("key", of: json), let value = field("value", of: json)
        else { throw UsageError("\(place()): not a record as mesh record writes them: topic, partition, offset, key, value") }
        var headers: [Header] = []
        for header in json["headers"]?.array ?? [] {
            guard let name = header["name"]?.string, let value = field("value", of: header) else {
                throw UsageError("\(place()): a header needs name and value")
            }
            headers.append(Header(name, value))
        }
        let kind: RecordTimestamp.Kind = json["timestamp_type"]?.string == "LogAppendTime" ? .appended : .created
        let timestamp = json["timestamp"]?.integer.map { RecordTimestamp(kind: kind, milliseconds: $0) } ?? .none
        return Record(
            topicPartition: TopicPartition(topic, partition), offset: offset, key: key, value: value, headers: Headers(headers),
            timestamp: timestamp
        )
    }

    /// nil: neither form is there, or it is no base 64. The inner nil: null.
    private static func field(_ name: String, of json: JSONValue) -> [UInt8]?? {
        switch json[name] {
        case .string(let text)?: return .some(Array(text.utf8))
        case .null?: return .some(nil)
        default: return json[name + "_base64"]?.string.flatMap(Base64.decode).map { .some($0) }
        }
    }
}

extension JSONLine {
    fileprivate mutating func member(_ name: String, optional value: [UInt8]?) {
        guard let value else { return member(name, raw: Self.null) }
        if value.count > RecordLine.longestText {
            member(name + "_base64", Base64.encode(value))
        } else {
            member(name, bytes: value)
        }
    }
}

/// Reads the lines of a file one after another, in bounded memory. Confined to one thread.
final class LineReader {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    /// Up to here there is no line end behind `start`: a long line is not searched again with each portion.
    private var searched = 0
    private var isAtEnd = false
    private(set) var number = 0
    /// No line is longer: a record's largest size, in base 64.
    private static let longest = 32 << 20

    /// `-` is standard input.
    init(_ path: String) throws(UsageError) {
        self.path = path
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw UsageError("cannot read \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { if path != "-" { close(descriptor) } }

    /// The next line that is not empty; nil at the end.
    func next() throws(UsageError) -> [UInt8]? {
        while true {
            if let end = buffer[max(start, searched)...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[start..<end])
                start = end + 1
                number += 1
                if !line.isEmpty { return line }
            } else if isAtEnd {
                defer { start = buffer.count }
                number += 1
                return start < buffer.count ? Array(buffer[start...]) : nil
            } else {
                try fill()
            }
        }
    }

    private func fill() throws(UsageError) {
        buffer.removeFirst(start)
        start = 0
        searched = buffer.count
        guard buffer.count <= Self.longest else { throw UsageError("\(path):\(number + 1): a line of more than \(Self.longest >> 20) MiB") }
        var portion = [UInt8](repeating: 0, count: 256 << 10)
        let count = Glibc.read(descriptor, &portion, portion.count)
        if count < 0, errno == EINTR { return }
        guard count >= 0 else { throw UsageError("cannot read \(path): \(String(cString: strerror(errno)))") }
        if count == 0 { isAtEnd = true } else { buffer.append(contentsOf: portion[..<count]) }
    }
}
