import BotKit
import Envelopes

/// What DeployBot remembers of one environment.
public struct DeployState: BotState {
    /// A deploy that somebody asked for.
    struct Wanted: Codable, Sendable, Equatable {
        var deployID: String
        var request: DeployRequested
    }

    /// The deploy that is under way.
    struct Run: Codable, Sendable, Equatable {
        var wanted: Wanted
        var startedAt: Int64
        /// Of the preparation, from 1.
        var attempt = 1
        /// The release that was live before the switch.
        var previousRelease: String?
        /// Why it is being taken back.
        var failure: Failure?
    }

    struct Failure: Codable, Sendable, Equatable {
        var stage: String
        var reason: String
        var outputTail: [String]
    }

    /// A release that went live and was found good.
    struct Release: Codable, Sendable, Equatable {
        var deployID: String
        var repository: String
        var commit: String
        var artifact: ArtifactReference
        var liveSince: Int64
    }

    struct HistoryEntry: Codable, Sendable, Equatable {
        enum Outcome: String, Codable, Sendable {
            case completed, failed
            case rolledBack = "rolled-back"
            case rejected
        }
        var deployID: String
        var commit: String
        var outcome: Outcome
        var at: Int64
        /// Who asked, approved, or refused.
        var by: String?
        var reason: String?
    }

    /// Oldest first; the last one is live.
    var releases: [Release] = []
    var run: Run?
    /// Under way: a person's roll-back.
    var rollback: DeployRollbackRequested?
    var awaitingApproval: [Wanted] = []
    /// Free to start when the run is over; the first is next.
    var queue: [Wanted] = []
    var history: [HistoryEntry] = []
    /// When the last run ended, in Unix milliseconds: a request older than that has waited, and so may others have behind it.
    var lastEnd: Int64?

    static let maximumWaiting = 20
    static let maximumHistory = 50

    var isEmpty: Bool { self == DeployState() }

    mutating func note(
        _ wanted: Wanted, _ outcome: HistoryEntry.Outcome, at now: Timestamp, by: String? = nil, reason: String? = nil
    ) {
        history.append(
            HistoryEntry(
                deployID: wanted.deployID, commit: wanted.request.commit, outcome: outcome, at: now.milliseconds, by: by, reason: reason))
        history.removeFirst(max(0, history.count - Self.maximumHistory))
    }
}
