import Dispatch
import Synchronization

/// Asking a broker on a thread of its own, beside the one that owns the client: one question at a time, and none any more when the client ends.
final class Question: Sendable {
    private let isUnderWay = Atomic<Bool>(false)
    private let isClosed = Atomic<Bool>(false)
    private let group = DispatchGroup()

    /// On the client's thread. False while a question is under way, and once it is closed.
    var canAsk: Bool { !isClosed.load(ordering: .relaxed) && !isUnderWay.load(ordering: .acquiring) }

    /// On the client's thread. False where it cannot ask, and where the process may have no more threads: nothing is asked then.
    @discardableResult func ask(thread name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard canAsk else { return false }
        isUnderWay.store(true, ordering: .relaxed)
        group.enter()
        let isAsked = DedicatedThread.startIfPossible(name: name) { [self] in
            body()
            end()
        }
        if !isAsked { end() }
        return isAsked
    }

    private func end() {
        isUnderWay.store(false, ordering: .releasing)
        group.leave()
    }

    /// On the client's thread. Nobody asks any more when it returns; false when somebody still does after `limit`.
    func close(limit: Duration) -> Bool {
        isClosed.store(true, ordering: .relaxed)
        return group.wait(timeout: .now() + .milliseconds(Int(limit.rdMilliseconds))) == .success
    }
}
