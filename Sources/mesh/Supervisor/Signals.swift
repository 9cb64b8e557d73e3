import Glibc
import Kafka
import Synchronization

/// SIGINT and SIGTERM as messages. Call `block` first in `main`, so that every thread inherits the mask.
enum Signals {
    private static var stopping: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        return set
    }

    static func block() {
        var set = stopping
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A reader that goes away is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    private static let first = Atomic<Int32>(0)
    /// The signal that came first; nil when none has come.
    static var received: Int32? {
        let number = first.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// Calls `handler` for each signal, on a thread of its own that lives as long as the process.
    static func listen(_ handler: @escaping @Sendable (Int32) -> Void) {
        DedicatedThread.start(name: "signals") {
            var set = stopping
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { continue }
                _ = first.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
                handler(number)
            }
        }
    }
}
