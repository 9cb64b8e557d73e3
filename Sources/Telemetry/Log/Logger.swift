import Envelopes
import Synchronization

/// Writes log lines: one JSON object a line, or one line of text for people. Any thread.
///
/// Copies share the level and the place that they write to.
public struct Logger: Sendable {
    public enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warn, error

        var rank: Int {
            switch self {
            case .debug: 0
            case .info: 1
            case .warn: 2
            case .error: 3
            }
        }
        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }
    }

    public enum Format: String, Sendable, CaseIterable { case json, text }

    /// A line is cut to this many bytes.
    public static let maximumLineBytes = 16 * 1024

    private let bot: String
    private let instance: String
    private let correlationID: String?
    private let shared: Shared

    /// What all copies of one logger have in common.
    private final class Shared: Sendable {
        let rank: Atomic<Int>
        let format: Format
        let redactor: Redactor
        let clock: @Sendable () -> Timestamp
        let output: any LogOutput

        init(level: Level, format: Format, redactor: Redactor, clock: @escaping @Sendable () -> Timestamp, output: any LogOutput) {
            rank = Atomic(level.rank)
            self.format = format
            self.redactor = redactor
            self.clock = clock
            self.output = output
        }
    }

    /// - Parameters:
    ///   - bot: the bot's name; for other programs the program's.
    ///   - instance: the replica's name, e.g. `BuildBot-2`; empty for programs that have none.
    ///   - redactor: takes secrets out of every line.
    public init(
        bot: String, instance: String = "", level: Level = .info, format: Format = .json, redactor: Redactor = Redactor(),
        clock: @escaping @Sendable () -> Timestamp = { .now }, output: any LogOutput = DescriptorOutput.standardError
    ) {
        self.bot = bot
        self.instance = instance
        correlationID = nil
        shared = Shared(level: level, format: format, redactor: redactor, clock: clock, output: output)
    }

    private init(_ other: Logger, correlationID: String?) {
        bot = other.bot
        instance = other.instance
        self.correlationID = correlationID
        shared = other.shared
    }

    /// The same logger for the work of one run.
    public func with(correlationID: String) -> Logger { Logger(self, correlationID: correlationID) }

    /// The lowest level that is written. Setting it holds for every copy.
    public var level: Level {
        get { Level.allCases[shared.rank.load(ordering: .relaxed)] }
        nonmutating set { shared.rank.store(newValue.rank, ordering: .relaxed) }
    }

    public func debug(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        log(.debug, message(), fields.map { $0 })
    }
    public func info(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        log(.info, message(), fields.map { $0 })
    }
    public func warn(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        log(.warn, message(), fields.map { $0 })
    }
    public func error(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        log(.error, message(), fields.map { $0 })
    }

    /// Writes one line when `level` is at or above the logger's. A field may not have the name of one that every line has; such a one is left out.
    public func log(
        _ level: Level, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(key: String, value: JSONValue)] = [],
        correlationID: String? = nil
    ) {
        guard level.rank >= shared.rank.load(ordering: .relaxed) else { return }
        let line = LogLineText(
            time: shared.clock(), level: level, bot: bot, instance: instance, correlationID: correlationID ?? self.correlationID,
            message: shared.redactor.redact(message()), fields: fields().map { ($0.key, shared.redactor.redact($0.value, named: $0.key)) })
        shared.output.write(line.bytes(shared.format))
    }
}

/// Where log lines go.
public protocol LogOutput: Sendable {
    /// Takes one line with its line end. Does not throw: where logging fails, there is nowhere to say so.
    func write(_ line: [UInt8])
}
