import Glibc

/// How a command prints: for people, or one JSON object a line for programs.
public enum OutputFormat: String, Sendable, CaseIterable {
    case text, json
}

/// Where a command's results go: standard output, in the form that `--format` asks for.
public struct Output: Sendable {
    public let format: OutputFormat
    /// Colours for standard output; plain where it is no terminal, or `NO_COLOR` is set.
    public let style: Style
    /// Columns of the terminal; nil where standard output is none.
    public let width: Int?
    private let descriptor: Int32

    public init(_ invocation: Invocation) {
        self.init(format: invocation.format, descriptor: STDOUT_FILENO, environment: invocation.environment)
    }

    /// Writes to `descriptor`, coloured and cut where that is a terminal.
    public init(format: OutputFormat, descriptor: Int32, environment: [String: String]) {
        self.format = format
        self.descriptor = descriptor
        let isJSON = format == .json
        style = isJSON ? Style(isColoured: false) : Style(descriptor: descriptor, environment: environment)
        width = TerminalWidth.of(descriptor, environment: environment)
    }

    /// Writes one line as it is; text from records goes through `String.printable` first.
    public func line(_ text: String = "") { write(text + "\n", to: descriptor) }

    /// Writes aligned columns under a header; where the terminal is too narrow, columns that may shrink are cut with `…`.
    public func table(_ columns: [Column], _ rows: [[String]]) {
        write(Table(columns: columns, rows: rows).text(style: style, width: width), to: descriptor)
    }
}

/// The number of columns of a terminal.
enum TerminalWidth {
    /// nil where `descriptor` is no terminal. A terminal that does not tell has what `COLUMNS` says, else 80; never below 20.
    static func of(_ descriptor: Int32, environment: [String: String]) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return max(20, Int(size.ws_col)) }
        return max(20, environment["COLUMNS"].flatMap { Int($0) } ?? 80)
    }
}

extension Invocation {
    /// What `--format` asks for; text where the command has no such flag.
    public var format: OutputFormat { self["format"].flatMap(OutputFormat.init) ?? .text }
}

extension Flag {
    /// `--format text|json`, for every command that prints results.
    public static let format = Flag.format(["text", "json"])

    /// `--format` of a command that knows further forms; the first of `choices` is the default.
    public static func format(_ choices: [String]) -> Flag {
        Flag(
            "format", value: "FORMAT", default: choices.first, choices: choices,
            help: choices.contains("json") ? "how to print; json is one object a line" : "how to print")
    }

    /// `--timeout DURATION`, for every command that waits.
    public static func timeout(_ defaultValue: String, help: String = "give up waiting after this time") -> Flag {
        Flag("timeout", value: "DURATION", default: defaultValue, help: help)
    }
}
