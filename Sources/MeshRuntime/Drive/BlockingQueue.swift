import Glibc
import Synchronization

/// A queue between threads; `take` waits. Sendable although it holds C objects: every access is under its mutex but that to `isClosed`, and they live as long as it does.
final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements = Fifo<Element>()
    /// Changed under the mutex only.
    private let isClosed = Atomic(false)
    private var listener: (@Sendable () -> Void)?

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func put(_ element: consuming Element) { put(element) { $0.append($1) } }

    private func put(_ element: consuming Element, _ place: (inout Fifo<Element>, consuming Element) -> Void) {
        pthread_mutex_lock(mutex)
        place(&elements, element)
        pthread_cond_signal(condition)
        let listener = listener
        pthread_mutex_unlock(mutex)
        listener?()
    }

    /// The same, before all that wait.
    func putFirst(_ element: consuming Element) { put(element) { $0.prepend($1) } }

    /// Called after each `put`, on the thread that puts: for an owner that waits elsewhere.
    func setListener(_ listener: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        self.listener = listener
        pthread_mutex_unlock(mutex)
    }

    /// Whether it was closed, also when elements wait still. Waits for nobody: it may be asked for each record.
    var isOver: Bool { isClosed.load(ordering: .acquiring) }

    /// No more elements are taken once those that wait are gone.
    func close() {
        pthread_mutex_lock(mutex)
        isClosed.store(true, ordering: .releasing)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    enum Taken {
        case element(Element)
        case nothing
        case closed
    }

    /// The next element; waits up to `limit` for one.
    func take(limit: Duration) -> Taken {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        // Most often one is there, and the clock is not asked.
        if elements.isEmpty, !isOver, limit > .zero { wait(limit) }
        if let element = elements.popFirst() { return .element(element) }
        return isOver ? .closed : .nothing
    }

    /// For an element or the end, with the mutex held.
    private func wait(_ limit: Duration) {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = deadline.tv_nsec + Int(limit.wholeMilliseconds % 1_000) * 1_000_000
        deadline.tv_sec += Int(limit.wholeMilliseconds / 1_000) + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        while elements.isEmpty, !isOver { if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break } }
    }

    var isEmpty: Bool { count == 0 }

    /// How many elements wait.
    var count: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return elements.count
    }
}
