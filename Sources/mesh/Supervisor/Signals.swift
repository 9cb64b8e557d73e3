import Glibc
import Kafka

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

    /// Calls `handler` for each signal, on a thread of its own that lives as long as the process.
    static func listen(_ handler: @escaping @Sendable (Int32) -> Void) {
        DedicatedThread.start(name: "signals") {
            var set = stopping
            while true {
                var number: Int32 = 0
                if sigwait(&set, &number) == 0 { handler(number) }
            }
        }
    }
}
