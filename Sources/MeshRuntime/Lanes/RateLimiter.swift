import BotKit

/// A token bucket: `burstSize` at once, refilled at `requestsPerMinute`.
struct RateLimiter: Sendable {
    private let perMinute: Double
    private let burst: Double
    private var tokens: Double
    /// Milliseconds of the monotonic clock.
    private var refilled: Int64

    init(_ limit: BotConfiguration.RateLimit, at uptime: Int64) {
        perMinute = Double(max(1, limit.requestsPerMinute))
        burst = Double(max(1, limit.burstSize))
        tokens = burst
        refilled = uptime
    }

    /// Whether there is a token to take.
    mutating func hasToken(at uptime: Int64) -> Bool {
        if uptime > refilled {
            tokens = min(burst, tokens + Double(uptime - refilled) * perMinute / 60_000)
            refilled = uptime
        }
        return tokens >= 1
    }

    /// Takes one token; false when there is none yet.
    mutating func take(at uptime: Int64) -> Bool {
        guard hasToken(at: uptime) else { return false }
        tokens -= 1
        return true
    }
}
