import Dispatch
import Synchronization

/// Asking a broker on a thread of its own, beside the one that owns the client: one question at a time, and none any more when the client ends.
final class Question: Sendable {
    private let isUnderWay = Atomic<Bool>(false)
    private let group = DispatchGroup()

    /// False while another one is under way.
    func begin() -> Bool {
        guard !isUnderWay.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        group.enter()
        return true
    }

    func end() {
        isUnderWay.store(false, ordering: .releasing)
        group.leave()
    }

    /// Nobody asks any more when it returns; false when that took longer than `limit`.
    func close(limit: DispatchTimeInterval) -> Bool { group.wait(timeout: .now() + limit) == .success }
}
