import Dispatch
import FoundationEssentials
import Glibc
import Synchronization
import Terminal

/// What the local mesh tells the person before it, and what it knows of its processes.
final class Progress: Sendable {
    private struct State {
        var pids: [Instance: Int32] = [:]
        var stops = 0
        var isUp = false
        var isOver = false
    }
    private let state = Mutex(State())
    private let over = DispatchSemaphore(value: 0)
    private let style: Style
    private let logs: String

    init(style: Style, logs: String) {
        self.style = style
        self.logs = logs
    }

    /// One line: what part of the mesh, and what it does.
    func say(_ part: String, _ text: String) {
        let padded = part + String(repeating: " ", count: max(1, 10 - part.count))
        Terminal.write("\(style(.bold, padded)) \(text)\n", to: STDOUT_FILENO)
    }

    func tell(_ news: Supervisor.News) {
        switch news {
        case .started(let instance, let pid):
            let (isRestart, isUp) = state.withLock { ($0.pids.updateValue(pid, forKey: instance) != nil, $0.isUp) }
            if isRestart || isUp { say(isRestart ? "restarted" : "started", "\(instance), process \(pid)") }
        case .died(let instance, let status, let delay):
            say(
                "died",
                "\(instance) \(status); starting it again in \(Int(delay / .milliseconds(1))) ms.\n\(lastLines(of: log(of: instance)))")
        case .notStarted(let instance, let reason, let delay):
            say("failed", "\(instance): \(reason); trying again in \(Int(delay / .milliseconds(1))) ms")
        case .draining(let instance): if stops == 0 { say("draining", "\(instance): it finishes what it does") }
        case .drained(let instance):
            forget(instance)
            if stops == 0 { say("drained", "\(instance)") }
        case .killed(let instance):
            forget(instance)
            say("killed", "\(instance) did not finish in time")
        }
    }

    private func forget(_ instance: Instance) { state.withLock { $0.pids[instance] = nil } }

    /// From now on a start is news.
    func setUp() { state.withLock { $0.isUp = true } }

    func log(of instance: Instance) -> String { "\(logs)/\(instance).log" }
    func pid(of instance: Instance) -> Int32? { state.withLock { $0.pids[instance] } }

    /// How often a stop was asked for.
    var stops: Int { state.withLock { $0.stops } }
    func countStop() -> Int {
        state.withLock { state in
            state.stops += 1
            return state.stops
        }
    }

    /// Whether all processes have ended.
    var isOver: Bool {
        state.withLock { $0.isOver }
    }

    func setOver() {
        state.withLock { $0.isOver = true }
        over.signal()
    }

    /// Waits until all processes have ended; the supervisor's own deadline bounds it.
    func waitUntilOver() {
        over.wait()
        over.signal()
    }
}

/// Why a process ended, as its log tells it, indented: the line of a crash where there is one, else the last lines.
func lastLines(of path: String, count: Int = 5) -> String {
    guard let data = FileManager.default.contents(atPath: path) else { return "  (no log yet)" }
    let lines = String(decoding: data.suffix(65_536), as: UTF8.self).split(separator: "\n")
    let crash = lines.last { $0.contains("Fatal error:") }.map { [$0] }
    return (crash ?? lines.suffix(count)).map { "  \($0.prefix(400))" }.joined(separator: "\n")
}
