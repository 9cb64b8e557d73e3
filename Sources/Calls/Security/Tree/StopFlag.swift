import BotKit
import Synchronization

/// Tells work on a thread of its own that its task was cancelled.
final class StopFlag: Sendable {
    private let isSet = Atomic<Bool>(false)

    func set() { isSet.store(true, ordering: .releasing) }

    func check() throws(CallFailure) {
        if isSet.load(ordering: .acquiring) { throw CallFailure(.cancelled, code: "cancelled", message: "the scan was cancelled") }
    }

    /// Runs blocking work on a thread of its own, and tells it when the task is cancelled.
    static func run<Value: Sendable>(
        _ work: @escaping @Sendable (StopFlag) -> Result<Value, CallFailure>
    ) async throws(CallFailure) -> Value {
        let flag = StopFlag()
        let result = await withTaskCancellationHandler {
            await onOwnThread { work(flag) }
        } onCancel: {
            flag.set()
        }
        return try result.get()
    }
}
