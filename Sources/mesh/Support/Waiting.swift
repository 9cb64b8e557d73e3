import Dispatch
import Synchronization

/// Runs asynchronous work from the main thread and waits for it. Never call it from a task: only the main thread is not one of the shared pool.
func waitFor<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) throws -> Value {
    let answer = Answer<Value>()
    Task {
        do {
            answer.set(.success(try await work()))
        } catch {
            answer.set(.failure(error))
        }
    }
    return try answer.wait().get()
}

private final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func set(_ outcome: Result<Value, any Error>) {
        result.withLock { $0 = outcome }
        isThere.signal()
    }

    func wait() -> Result<Value, any Error> {
        while true {
            isThere.wait()
            if let outcome = result.withLock({ $0 }) { return outcome }
        }
    }
}
