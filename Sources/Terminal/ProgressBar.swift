import Glibc
import Synchronization

/// A line on standard error that tells how far a command is. Only on a terminal, and only for what takes over a second. Any thread may call it.
public final class ProgressBar: Sendable {
    private struct State {
        var shown: ContinuousClock.Instant?
        var isOver = false
    }
    private let label: String
    private let total: Int?
    private let width: Int?
    private let descriptor: Int32
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    /// `total` is how many there are; nil when nobody knows.
    public convenience init(_ label: String, total: Int?, environment: [String: String]) {
        self.init(label, total: total, descriptor: STDERR_FILENO, environment: environment)
    }

    init(_ label: String, total: Int?, descriptor: Int32, environment: [String: String]) {
        self.label = label
        self.total = total
        self.descriptor = descriptor
        width = environment["TERM"] == "dumb" ? nil : TerminalWidth.of(descriptor, environment: environment)
    }

    /// So many are done; cheap enough for every record.
    public func advance(to done: Int) {
        guard let width else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            let isDue = state.shown.map { $0.duration(to: now) >= .milliseconds(200) } ?? (began.duration(to: now) >= .seconds(1))
            guard !state.isOver, isDue else { return }
            state.shown = now
            let text = ProgressText(label: label, done: done, total: total, elapsed: began.duration(to: now)).text(width: width)
            write("\r\u{1b}[K" + text, to: descriptor)
        }
    }

    /// Takes the line away. Call it before anything else is printed, and when the work is over or has failed.
    public func end() {
        state.withLock { state in
            if state.shown != nil, !state.isOver { write("\r\u{1b}[K", to: descriptor) }
            state.isOver = true
        }
    }
}

/// What a progress line says.
struct ProgressText {
    let label: String
    let done: Int
    let total: Int?
    let elapsed: Duration

    /// At most `width - 1` columns, so that the terminal does not wrap.
    func text(width: Int) -> String {
        let seconds = elapsed / .seconds(1)
        let rate = seconds > 0 ? Double(done) / seconds : 0
        var parts = [label]
        if let total {
            let share = total <= 0 ? 1 : min(1, Double(done) / Double(total))
            parts.append("[\(bar(share))] \(Int(share * 100))%")
            parts.append("\(HumanText.count(done)) of \(HumanText.count(total))")
        } else {
            parts.append(HumanText.count(done))
        }
        parts.append("\(HumanText.rate(rate))/s")
        if let left = left(rate) { parts.append("\(left) left") }
        return parts.joined(separator: "  ").cut(to: width - 1)
    }

    private func bar(_ share: Double) -> String {
        let filled = Int(share * 20)
        return String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
    }

    private func left(_ rate: Double) -> String? {
        guard let total, rate > 0, done < total else { return nil }
        let seconds = Double(total - done) / rate
        return seconds < 1e9 ? HumanText.duration(.seconds(Int64(seconds.rounded(.up)))) : nil
    }
}
