import Glibc

/// Cuts a stream of bytes into lines. A line longer than the limit is cut there, and its rest is left out.
struct LineSplitter {
    /// The same bound as `LogLine.text`.
    static let maximumBytes = 8 << 10

    private var pending: [UInt8] = []
    private var isOverlong = false

    /// Takes the next bytes and gives every line that they complete, without line ends.
    mutating func take(_ bytes: UnsafeRawBufferPointer, _ line: (String) -> Void) {
        guard var next = bytes.baseAddress else { return }
        let end = next + bytes.count
        while next < end {
            guard let found = memchr(next, 10, end - next) else { return append(next, end - next) }
            let newline = UnsafeRawPointer(found)
            append(next, newline - next)
            finish(line)
            next = newline + 1
        }
    }

    /// Gives the last line, when it had no line end.
    mutating func end(_ line: (String) -> Void) {
        if !pending.isEmpty || isOverlong { finish(line) }
    }

    private mutating func append(_ start: UnsafeRawPointer, _ count: Int) {
        let room = Self.maximumBytes - pending.count
        if count > room { isOverlong = true }
        pending.append(contentsOf: UnsafeRawBufferPointer(start: start, count: min(count, room)))
    }

    private mutating func finish(_ line: (String) -> Void) {
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        line(String(decoding: pending, as: UTF8.self))
        pending.removeAll(keepingCapacity: true)
        isOverlong = false
    }
}

/// The last lines of an output.
struct Tail {
    private var lines: [String] = []
    private var next = 0
    let limit: Int

    init(limit: Int) { self.limit = max(limit, 0) }

    mutating func append(_ line: String) {
        guard limit > 0 else { return }
        if lines.count < limit {
            lines.append(line)
        } else {
            lines[next] = line
            next = (next + 1) % limit
        }
    }

    var all: [String] { Array(lines[next...]) + Array(lines[..<next]) }
}
