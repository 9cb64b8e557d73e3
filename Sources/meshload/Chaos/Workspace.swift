import FoundationEssentials
import Glibc
import Kafka
import Synchronization
import Terminal

/// The directory of one run: the broker's data, the bots' logs, flag files. Removed at the end unless the run failed.
struct Workspace: Sendable {
    let path: String

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/meshload-chaos-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw LoadFailure("no temporary directory can be made: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: URL(filePath: file(name))) }

    func remove() {
        do { try FileManager.default.removeItem(atPath: path) } catch { Chaos.say("cannot remove \(path): \(error)") }
    }
}

/// What the run says: on standard output, a line at once.
enum Chaos {
    static func say(_ text: String) { Terminal.write(text + "\n", to: STDOUT_FILENO) }
}

/// What must be ended when the run is interrupted. The children die with this process whatever happens; this is for what does not.
enum Interruption {
    private static let actions = Mutex<[(id: Int, body: @Sendable () -> Void)]>([])
    private static let lastID = Atomic<Int>(0)

    /// `body` runs when SIGINT or SIGTERM comes before `remove`.
    static func add(_ body: @escaping @Sendable () -> Void) -> Int {
        let id = lastID.wrappingAdd(1, ordering: .relaxed).newValue
        actions.withLock { $0.append((id, body)) }
        return id
    }

    static func remove(_ id: Int) { actions.withLock { $0.removeAll { $0.id == id } } }

    /// Waits for the signals on a thread of its own; they must be blocked already.
    static func watch() {
        DedicatedThread.start(name: "signals") {
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGTERM)
            sigaddset(&set, SIGINT)
            var signal: Int32 = 0
            while sigwait(&set, &signal) != 0 {}
            Chaos.say("interrupted: ending the bots and the broker")
            for action in actions.withLock({ $0 }).reversed() { action.body() }
            _exit(128 + signal)
        }
    }
}
