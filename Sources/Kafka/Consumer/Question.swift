import Dispatch
import Synchronization

/// Asking a broker on a thread of its own, beside the one that owns the client: one question at a time, and none any more when the client ends.
final class Question: Sendable {
    private let isUnderWay = Atomic<Bool>(false)
    private let isClosed = Atomic<Bool>(false)
    private let group = DispatchGroup()

    /// On the client's thread. False while another one is under way, and once it is closed.
    func begin() -> Bool {
        guard !isClosed.load(ordering: .relaxed), !isUnderWay.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        group.enter()
        return true
    }

    func end() {
        isUnderWay.store(false, ordering: .releasing)
        group.leave()
    }

    /// On the client's thread. Nobody asks any more when it returns; false when somebody still does after `limit`.
    func close(limit: Duration) -> Bool {
        isClosed.store(true, ordering: .relaxed)
        return group.wait(timeout: .now() + .milliseconds(Int(limit.rdMilliseconds))) == .success
    }
}
