import CSystem
import Glibc
import Synchronization

/// What a file descriptor is ready for goes to its handler, due timers run, and other threads hand work over: all on the thread that calls `run`.
public final class EventLoop: Scheduler {
    /// What is asked of a descriptor, as epoll has it.
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let read = Interest(rawValue: EPOLLIN.rawValue)
        /// The other side sends no more.
        static let hangup = Interest(rawValue: EPOLLRDHUP.rawValue)
        static let write = Interest(rawValue: EPOLLOUT.rawValue)
    }

    /// The work that other threads hand over.
    public let mailbox: Mailbox
    private let poller: Int32
    private var handlers: [UInt64: (descriptor: Int32, ready: () -> Void)] = [:]
    private var lastToken: UInt64 = 0
    private var timers = TimerHeap()
    private var atTurnEnd: [() -> Void] = []
    private var isRunning = false

    /// Throws errno when the system has no more descriptors.
    public init() throws(NetworkError) {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw NetworkError("cannot make an epoll descriptor", number: errno) }
        poller = descriptor
        mailbox = try Mailbox()
        let mailbox = mailbox
        _ = try watch(mailbox.descriptor, .read) { mailbox.runAll() }
    }

    deinit { close(poller) }

    public var now: Int64 { Self.milliseconds(CLOCK_MONOTONIC) }
    public var wallClock: Int64 { Self.milliseconds(CLOCK_REALTIME) }

    /// Microseconds since some moment.
    var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    @discardableResult
    public func schedule(after milliseconds: Int64, _ action: @escaping () -> Void) -> TimerID {
        timers.add(due: moment(after: milliseconds), action)
    }

    public func cancel(_ timer: TimerID) { timers.cancel(timer) }

    /// Runs `action` once when everything that is ready now has been handled: work that many events ask for is done once.
    public func afterThisTurn(_ action: @escaping () -> Void) { atTurnEnd.append(action) }

    /// Calls `ready` whenever the descriptor is ready for what is asked, failed or closed, until `forget`.
    func watch(_ descriptor: Int32, _ interest: Interest, ready: @escaping () -> Void) throws(NetworkError) -> UInt64 {
        lastToken += 1
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = lastToken
        guard epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw NetworkError("cannot watch a descriptor", number: errno)
        }
        handlers[lastToken] = (descriptor, ready)
        return lastToken
    }

    /// Calls `action` for each of these signals, which every thread of the process has to block.
    public func onSignals(_ numbers: [Int32], _ action: @escaping (Int32) -> Void) throws(NetworkError) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        let descriptor = signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
        guard descriptor >= 0 else { throw NetworkError("cannot listen to signals", number: errno) }
        _ = try watch(descriptor, .read) {
            var signal = signalfd_siginfo()
            while read(descriptor, &signal, MemoryLayout<signalfd_siginfo>.size) > 0 { action(Int32(signal.ssi_signo)) }
        }
    }

    func change(_ token: UInt64, to interest: Interest) {
        guard let handler = handlers[token] else { return }
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = token
        epoll_ctl(poller, EPOLL_CTL_MOD, handler.descriptor, &event)
    }

    func forget(_ token: UInt64) {
        guard let handler = handlers.removeValue(forKey: token) else { return }
        epoll_ctl(poller, EPOLL_CTL_DEL, handler.descriptor, nil)
    }

    /// Runs until `stop`.
    public func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        isRunning = true
        while isRunning {
            let wait = atTurnEnd.isEmpty ? timers.nextDue.map { Int32(clamping: max(0, $0 - now)) } ?? -1 : 0
            let count = epoll_wait(poller, &events, Int32(events.count), wait)
            for event in events.prefix(Int(max(0, count))) { handlers[event.data.u64]?.ready() }
            runDueTimers()
            let actions = atTurnEnd
            atTurnEnd.removeAll(keepingCapacity: true)
            for action in actions { action() }
        }
    }

    /// One that is set meanwhile waits until descriptors had their turn, also when it is due at once: work that is done in slices lets others in between.
    private func runDueTimers() {
        let (now, last) = (now, timers.last)
        while isRunning, let action = timers.popDue(now, upTo: last) { action() }
    }

    /// Makes `run` return. On the loop's thread; others post it to the mailbox.
    public func stop() { isRunning = false }
}

/// Takes work from any thread to the loop's thread, in order.
public final class Mailbox: Sendable {
    let descriptor: Int32
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    init() throws(NetworkError) {
        descriptor = csystem_eventfd()
        guard descriptor >= 0 else { throw NetworkError("cannot make an event descriptor", number: -descriptor) }
    }

    deinit { close(descriptor) }

    /// Any thread.
    public func post(_ action: @escaping @Sendable () -> Void) {
        let wasEmpty = waiting.withLock { waiting in
            waiting.append(action)
            return waiting.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    fileprivate func runAll() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        let actions = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for action in actions { action() }
    }
}

/// What the network cannot do; `number` is errno.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    public let operation: String
    public let number: Int32

    init(_ operation: String, number: Int32) {
        self.operation = operation
        self.number = number
    }

    public var description: String { "\(operation): \(String(cString: strerror(number)))" }
}
