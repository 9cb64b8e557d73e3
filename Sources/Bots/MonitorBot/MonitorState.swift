import BotKit
import Envelopes

/// What MonitorBot remembers of an environment, or of its scheduled checks.
public struct MonitorState: BotState {
    /// nil: no deploy is watched.
    var watch: Watch?
    /// By check.
    var checks: [String: CheckState] = [:]
    /// By alert.
    var alerts: [String: Hysteresis] = [:]

    /// A watch over what a deploy brought.
    struct Watch: Codable, Sendable, Equatable {
        /// Tells this watch's reminders from those of an older one.
        let id: String
        let deployID: String
        let environment: String
        /// The time of the event that began it, in milliseconds since 1970: an older deploy that comes late does not replace it.
        let deployedAt: Int64
        let urls: [String]
        /// Those of them whose host the configuration does not allow.
        var refused: Set<String> = []
        /// When the close watch ends, in milliseconds since 1970.
        let until: Int64
        /// Whether the end of the close watch was reported.
        var isClear = false
        /// Questions of the current round that have no answer yet.
        var outstanding = 0
    }

    struct CheckState: Codable, Sendable, Equatable {
        var consecutiveFailures = 0
    }

    var isEmpty: Bool { watch == nil && checks.isEmpty && alerts.isEmpty }
}

/// Raises an alert after some bad values in a row, and clears it after some good ones; what is neither good nor bad changes nothing that stands.
struct Hysteresis: Codable, Sendable, Equatable {
    struct Limits: Codable, Sendable, Equatable {
        /// 1 or more.
        var raiseAfter: Int
        var clearAfter: Int
    }

    enum Verdict: Sendable { case bad, good, between }

    enum Change: Equatable {
        case raised
        /// With the time since it was raised.
        case cleared(Duration)
    }

    private(set) var bad = 0
    private(set) var good = 0
    /// nil: not raised. Milliseconds since 1970.
    private(set) var raisedAt: Int64?
    private(set) var alertID: String?

    var isQuiet: Bool { raisedAt == nil && bad == 0 }

    /// Takes one value; an alert that stands is not raised again.
    mutating func take(_ verdict: Verdict, limits: Limits, now: Timestamp, newID: String) -> Change? {
        switch verdict {
        case .bad:
            good = 0
            bad = min(bad + 1, limits.raiseAfter)
            guard raisedAt == nil, bad >= limits.raiseAfter else { return nil }
            raisedAt = now.milliseconds
            alertID = newID
            return .raised
        case .between:
            good = 0
            if raisedAt == nil { bad = 0 }
            return nil
        case .good:
            bad = 0
            guard let raised = raisedAt else { return nil }
            good += 1
            guard good >= limits.clearAfter else { return nil }
            good = 0
            raisedAt = nil
            return .cleared(now.duration(since: Timestamp(milliseconds: raised)))
        }
    }
}
