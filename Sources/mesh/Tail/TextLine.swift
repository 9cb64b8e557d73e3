import Terminal

/// A line of text as bytes, built part by part: no string is made for the whole.
struct TextLine {
    private(set) var bytes: [UInt8] = []
    private let style: Style

    init(_ style: Style, expected: Int = 224) {
        self.style = style
        bytes.reserveCapacity(expected)
    }

    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ number: Int64) { add(String(number)) }

    mutating func add(_ colour: Style.Colour, _ text: String) { add(style(colour, text)) }

    /// The text behind a space; nothing where there is none.
    mutating func addWord(_ text: String) {
        guard !text.isEmpty else { return }
        add(" ")
        add(text)
    }

    /// What `part` adds, with spaces behind it where it has fewer than `width` bytes.
    mutating func pad(to width: Int, _ part: (inout TextLine) -> Void) {
        let start = bytes.count
        part(&self)
        for _ in 0..<max(0, start + width - bytes.count) { bytes.append(UInt8(ascii: " ")) }
    }

    /// The same in a colour.
    mutating func add(_ colour: Style.Colour, width: Int, _ part: (inout TextLine) -> Void) {
        guard style.isColoured else { return pad(to: width, part) }
        var inner = TextLine(Style(isColoured: false), expected: 64)
        inner.pad(to: width, part)
        add(colour, String(decoding: inner.bytes, as: UTF8.self))
    }

    /// What `part` adds, with its control characters made visible: almost none has any, which its bytes tell.
    mutating func addPrintable(_ part: (inout TextLine) -> Void) {
        let start = bytes.count
        part(&self)
        let isPrintable = bytes.withUnsafeBufferPointer { UnsafeBufferPointer(rebasing: $0[start...]).isSurelyPrintable }
        guard !isPrintable else { return }
        let text = String(decoding: bytes[start...], as: UTF8.self).printable
        bytes.removeSubrange(start...)
        add(text)
    }
}
