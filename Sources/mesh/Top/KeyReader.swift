/// Makes keys of the bytes that a terminal sends. An escape sequence may come in pieces.
struct KeyReader {
    private var pending: [UInt8] = []

    /// Keys of these bytes and of what was left from before.
    mutating func take(_ bytes: some Sequence<UInt8>) -> [TopKey] {
        pending += bytes
        var keys: [TopKey] = []
        while let (key, count) = next() {
            pending.removeFirst(count)
            if let key { keys.append(key) }
        }
        return keys
    }

    /// Nothing more has come for a while: a lone escape is the key of that name, and a sequence that never ended is nothing.
    mutating func pause() -> TopKey? {
        guard let first = pending.first else { return nil }
        let isLone = pending.count == 1
        pending = []
        return first == 0x1b && isLone ? .escape : nil
    }

    /// Whether something waits for its rest.
    var isInside: Bool { !pending.isEmpty }

    /// The next key and how many bytes it takes; nil when more bytes are needed. The key is nil for what means nothing here.
    private func next() -> (TopKey?, Int)? {
        guard let first = pending.first else { return nil }
        switch first {
        case 0x1b: return sequence()
        case 0x09: return (.tab, 1)
        case 0x0a, 0x0d: return (.enter, 1)
        case 0x08, 0x7f: return (.backspace, 1)
        case 0x01...0x1a: return (.control(Character(UnicodeScalar(first + 0x60))), 1)
        case 0x00...0x1f: return (nil, 1)
        case 0x20..<0x7f: return (.character(Character(UnicodeScalar(first))), 1)
        default: return text(first)
        }
    }

    private func sequence() -> (TopKey?, Int)? {
        guard pending.count > 1 else { return nil }
        guard pending[1] == UInt8(ascii: "[") || pending[1] == UInt8(ascii: "O") else { return (.escape, 1) }
        // Parameters, then one byte that ends it. No key of a terminal is longer than sixteen bytes.
        guard let end = pending.dropFirst(2).firstIndex(where: { (0x40...0x7e).contains($0) }) else {
            return pending.count < 16 ? nil : (nil, pending.count)
        }
        let key: TopKey? =
            switch pending[end] {
            case UInt8(ascii: "A"): .up
            case UInt8(ascii: "B"): .down
            case UInt8(ascii: "C"): .right
            case UInt8(ascii: "D"): .left
            case UInt8(ascii: "H"): .home
            case UInt8(ascii: "F"): .end
            case UInt8(ascii: "Z"): .backTab
            case UInt8(ascii: "~"): paged(pending[2])
            default: nil
            }
        return (key, end + 1)
    }

    private func paged(_ parameter: UInt8) -> TopKey? {
        switch parameter {
        case UInt8(ascii: "1"), UInt8(ascii: "7"): .home
        case UInt8(ascii: "4"), UInt8(ascii: "8"): .end
        case UInt8(ascii: "5"): .pageUp
        case UInt8(ascii: "6"): .pageDown
        default: nil
        }
    }

    /// A character of several bytes.
    private func text(_ first: UInt8) -> (TopKey?, Int)? {
        let count = first >= 0xf8 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
        guard pending.count >= count else { return nil }
        guard let character = String(validating: pending.prefix(count), as: UTF8.self)?.first else { return (nil, 1) }
        return (.character(character), count)
    }
}
