import Synchronization
import Telemetry

/// Keeps the lines of a log that a test looks at. Any thread may write.
public final class LogLines: LogOutput {
    private let kept = Mutex<[String]>([])

    public init() {}

    /// Those that were written so far, in order.
    public var all: [String] { kept.withLock { $0 } }

    public func write(_ line: [UInt8]) { kept.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
}
