import Glibc
import Kafka
import Synchronization
import Terminal

/// What must be ended when the tool is interrupted: by SIGINT, SIGTERM, or SIGHUP when its terminal is closed. Its children die with this process whatever happens; this is for what does not.
enum Interruption {
    private struct Action {
        let id: Int
        let body: @Sendable () -> Void
    }

    /// Locked for good once a signal has come: nothing is begun any more.
    private static let actions = Mutex<[Action]>([])
    private static let lastID = Atomic<Int>(0)

    /// `undo` runs when one of the signals comes before `remove`: also just after `make`, which none of them interrupts.
    static func add<Made: Sendable>(
        making make: () throws -> Made, undo: @escaping @Sendable (Made) -> Void
    ) rethrows -> (made: Made, id: Int) {
        let id = lastID.wrappingAdd(1, ordering: .relaxed).newValue
        let made = try actions.withLock { actions in
            let made = try make()
            actions.append(Action(id: id) { undo(made) })
            return made
        }
        return (made, id)
    }

    /// `body` runs when one of the signals comes before `remove`.
    static func add(_ body: @escaping @Sendable () -> Void) -> Int { add(making: {}, undo: body).id }

    static func remove(_ id: Int) { actions.withLock { $0.removeAll { $0.id == id } } }

    /// Does what none of the signals interrupts.
    static func hold<Result: Sendable>(_ body: () throws -> Result) rethrows -> Result { try actions.withLock { _ in try body() } }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT] + (outlivesTerminal ? [] : [SIGHUP]) { sigaddset(&set, signal) }
        return set
    }

    /// Whether it was started to go on when its terminal is closed, as by nohup: waiting for a signal takes also one that is ignored.
    private static var outlivesTerminal: Bool {
        var action = sigaction()
        return sigaction(SIGHUP, nil, &action) == 0 && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Blocks the signals in this thread and all that it starts. SIGPIPE is ignored: who reads what is said may end first.
    static func block() {
        var set = set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the signals on a thread of its own; they must be blocked already. Ctrl-C once more ends the process at once; SIGTERM and SIGHUP do not, since
    /// who ends a group of processes, and who closes a terminal, may send them twice.
    static func watch() {
        DedicatedThread.start(name: "signals") {
            var set = set
            var signal: Int32 = 0
            while sigwait(&set, &signal) != 0 {}
            for signal in [SIGTERM, SIGHUP] { sigdelset(&set, signal) }
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            Terminal.write("meshload: interrupted, ending what was begun; Ctrl-C once more leaves it\n", to: STDERR_FILENO)
            actions.withLock { actions in
                for action in actions.reversed() { action.body() }
                _exit(128 + signal)
            }
        }
    }
}
