import Dispatch
import Synchronization

/// A queue from many threads to one, whose reader waits without polling.
final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Mutex<[Message]>([])
    private let available = DispatchSemaphore(value: 0)

    func post(_ message: Message) {
        queue.withLock { $0.append(message) }
        available.signal()
    }

    /// The next message; nil when none came within `timeout`. Nil waits for ever.
    func next(timeout: Duration?) -> Message? {
        let deadline: DispatchTime = timeout.map { .now() + .milliseconds(Int(max(.zero, $0) / .milliseconds(1))) } ?? .distantFuture
        guard available.wait(timeout: deadline) == .success else { return nil }
        return queue.withLock { $0.removeFirst() }
    }
}
