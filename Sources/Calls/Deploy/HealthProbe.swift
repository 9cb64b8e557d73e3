import BotKit

/// Asks a release's health over HTTP: 2xx is healthy.
struct HealthProbe: Sendable {
    let client: HTTPClient
    let clock: any Clock<Duration>

    /// One question. Nil when healthy, else what is wrong.
    func ask(_ health: HealthSettings) async throws(CallFailure) -> String? {
        let request = HTTPRequest(
            health.url, connectTimeLimit: .seconds(2), timeLimit: .seconds(5), maximumResponseBytes: 1 << 20, reusesConnection: false)
        do {
            let response = try await client.send(request)
            return response.isSuccess ? nil : "\(health.url) answered with status \(response.status)"
        } catch {
            if error.kind == .cancelled { throw error.callFailure }
            return "\(health.url): \(error.message)"
        }
    }

    /// Asks until healthy, or until the start time limit has passed. Nil when healthy, else the last thing that was wrong.
    /// - Parameter isAlive: false ends the waiting, e.g. because the service's process is gone.
    func waitUntilHealthy(_ health: HealthSettings, while isAlive: () throws(FileError) -> Bool = { true }) async throws(CallFailure)
        -> String?
    {
        let start = ContinuousClock.now
        while true {
            guard let problem = try await ask(health) else { return nil }
            do {
                guard try isAlive() else { return "the service ended by itself" }
            } catch {
                throw error.failure
            }
            guard ContinuousClock.now - start < health.startTimeLimit else {
                return "not healthy within \(health.startTimeLimit): \(problem)"
            }
            try await pause(health.interval)
        }
    }

    /// Asks each second for a while. Nil when it stayed healthy; two failures in a row are one too many.
    func watch(_ health: HealthSettings, for duration: Duration) async throws(CallFailure) -> String? {
        let start = ContinuousClock.now
        var failures = 0
        while ContinuousClock.now - start < duration {
            if let problem = try await ask(health) {
                failures += 1
                if failures > 1 { return "became unhealthy while it was watched: \(problem)" }
            } else {
                failures = 0
            }
            try await pause(min(.seconds(1), duration))
        }
        return failures == 0 ? nil : try await ask(health).map { "unhealthy at the end of the watch: \($0)" }
    }

    private func pause(_ duration: Duration) async throws(CallFailure) {
        do {
            try await clock.sleep(for: duration)
        } catch {
            throw CallFailure(.cancelled, code: "cancelled", message: "the health check was cancelled")
        }
    }
}
