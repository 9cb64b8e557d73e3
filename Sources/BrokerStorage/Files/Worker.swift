import Glibc
import Synchronization

/// A thread that does one job after another. Jobs are given on any thread.
///
/// `@unchecked`: the queue has its lock, the semaphore is made for several threads, and `thread` is used in `init` and `stop` only, by the owner.
final class Worker: @unchecked Sendable {
    typealias Job = @Sendable () -> Void
    private let queue = Mutex<[Job?]>([])
    private let waiting: UnsafeMutablePointer<sem_t>
    private var thread: pthread_t?

    init() {
        waiting = .allocate(capacity: 1)
        sem_init(waiting, 0, 0)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 512 << 10)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().work() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "cannot start a thread: errno \(status)")
        self.thread = thread
    }

    deinit {
        sem_destroy(waiting)
        waiting.deallocate()
    }

    func run(_ job: @escaping Job) { put(job) }

    /// Does what was given, then ends the thread and returns.
    func stop() {
        guard let thread else { return }
        self.thread = nil
        put(nil)
        pthread_join(thread, nil)
    }

    private func put(_ job: Job?) {
        queue.withLock { $0.append(job) }
        sem_post(waiting)
    }

    private func work() {
        while true {
            if sem_wait(waiting) != 0 { continue }
            guard let job = queue.withLock({ $0.removeFirst() }) else { return }
            job()
        }
    }
}
