import Testing

@testable import Calls

extension ProcessTree {
    /// Waits until no process has the token in its command line: who was killed has it until it runs for the last time.
    static func areGone(_ token: String) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if commandLines(containing: token).isEmpty { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}
