import BotKit
import Synchronization

/// Keeps the lines that a performer logs.
final class LineBox: Sendable {
    private let lines = Mutex<[LogLine]>([])
    func append(_ line: LogLine) { lines.withLock { $0.append(line) } }
    var all: [LogLine] { lines.withLock { $0 } }
}
