import CRdKafka
import Dispatch
import Glibc

/// A thread of its own for work that blocks, so that Swift's shared pool never does.
public enum DedicatedThread {
    /// Starts a detached thread that runs `body` once. `name` is cut to 15 bytes. Signals that the process waits for must be blocked before.
    public static func start(name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) {
        let status = started(name: name, stackBytes: stackBytes, body)
        precondition(status == 0, "cannot start a thread: \(String(cString: strerror(status)))")
    }

    /// The same for what can be left out; false where the system has no more threads for the process.
    static func startIfPossible(name: String, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) -> Bool {
        started(name: name, stackBytes: stackBytes, body) == 0
    }

    /// 0, or the error of `pthread_create`.
    private static func started(name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void) -> Int32 {
        let work = Unmanaged.passRetained(Work(name: name, body: body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackBytes)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                let work = Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue()
                mesh_name_thread(work.name)
                work.body()
                return nil
            }, work.toOpaque())
        if status != 0 { work.release() }
        return status
    }

    /// Runs `body` on a thread of its own and waits for its result without blocking the shared pool.
    public static func run<Value: Sendable>(name: String, _ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            start(name: name) { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs `body` on a thread of its own and blocks the caller until it has ended or `limit` is over; false in the second case, and the thread goes on. False too
    /// where the system has no more threads for the process: then nothing is run.
    static func run(name: String, limit: Duration, stackBytes: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) -> Bool {
        let finished = DispatchSemaphore(value: 0)
        let isStarted = startIfPossible(name: name, stackBytes: stackBytes) {
            body()
            finished.signal()
        }
        return isStarted && finished.wait(timeout: .now() + .milliseconds(Int(limit.rdMilliseconds))) == .success
    }

    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
