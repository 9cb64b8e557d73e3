#if canImport(Glibc)
    import Glibc
#endif

/// Colours for a terminal; plain text where there is none, or where `NO_COLOR` is set.
public struct Style: Sendable {
    public enum Colour: String, Sendable {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case cyan = "36"
        case grey = "90"
        case bold = "1"
    }
    public let isColoured: Bool

    public init(isColoured: Bool) { self.isColoured = isColoured }

    /// Coloured when `descriptor` is a terminal and the environment does not forbid it (no-color.org).
    public init(descriptor: Int32, environment: [String: String]) {
        isColoured = isatty(descriptor) == 1 && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    public func callAsFunction(_ colour: Colour, _ text: String) -> String {
        isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }
}

/// Writes all of `text` to a descriptor; a reader that went away ends the writing, not the process.
public func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if written < 0 {
            if errno == EINTR { continue }
            return
        }
        bytes = bytes.dropFirst(written)
    }
}
