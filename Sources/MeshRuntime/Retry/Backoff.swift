import BotKit

/// How long to wait before the next attempt.
enum Backoff {
    /// The delay after `attempt` failed attempts (1 or more): grown by the policy, then multiplied by a random factor in 0.5...1, so that it is never above
    /// `maximumDelay`.
    static func delay(
        after attempt: Int, _ policy: RetryPolicy, using random: inout some RandomNumberGenerator
    ) -> Duration {
        let initial = max(0, policy.initialDelay.seconds)
        let most = max(0, policy.maximumDelay.seconds)
        let grown =
            switch policy.backoff {
            case .fixed: initial
            case .linear: initial * Double(max(1, attempt))
            case .exponential: initial * Double(1 << UInt64(min(max(0, attempt - 1), 40)))
            }
        return .milliseconds(Int64(min(grown, most) * Double.random(in: 0.5...1, using: &random) * 1_000))
    }
}

extension Duration {
    /// As seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }

    /// Whole milliseconds, saturating.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }
}
