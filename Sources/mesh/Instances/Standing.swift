import Envelopes
import Terminal

/// How one instance stands, as far as its last record, the wishes and the clock tell.
enum Standing: String, Sendable, CaseIterable {
    case running
    /// It works, but not all of it: it is not ready, or calls to some dependency are held back.
    case degraded
    /// Records wait, the committed offset does not move, and nothing explains it.
    case stalled
    case starting
    case paused
    case draining
    /// A person wanted it drained, and it has ended.
    case drained
    case stopped
    /// It has been silent for too long.
    case lost

    /// An instance is silent for too long after three missed reports.
    static let silence: Duration = .seconds(3 * InstanceRecord.intervalSeconds)

    init(_ record: InstanceRecord, wish: ControlRecord.State, now: Timestamp) {
        self =
            switch record.state {
            case .stopped: wish == .drained ? .drained : .stopped
            case _ where Self.age(of: record, now: now).map { $0 > Self.silence } ?? true: .lost
            case .draining: .draining
            case _ where !record.stalled.isEmpty: .stalled
            case .paused: .paused
            case .starting: .starting
            case .running: record.notReady != nil || record.degraded?.isEmpty == false ? .degraded : .running
            }
    }

    /// Whether its process is there, as far as anybody knows.
    var isAlive: Bool { ![.drained, .stopped, .lost].contains(self) }

    /// Whether a person should look at it.
    var isTrouble: Bool { [.degraded, .stalled, .lost].contains(self) }

    /// How long ago it was heard of; never negative. nil when its record does not say.
    static func age(of record: InstanceRecord, now: Timestamp) -> Duration? {
        Timestamp.parse(record.lastSeen).map { max(.zero, now.duration(since: $0)) }
    }
}

/// One instance with how it stands.
struct InstanceStatus: Sendable {
    let record: InstanceRecord
    let standing: Standing
    /// Since it was heard of; nil when that is not known.
    let age: Duration?
    var instance: Instance { Instance(bot: record.bot, replica: record.replica) }

    /// What is the matter with it, in words; empty when nothing is.
    var note: String {
        switch standing {
        case .lost: "silent for \(age.map(HumanText.duration) ?? "?"); it was \(record.state.rawValue)"
        case .stalled: "stands still: \(record.stalled.joined(separator: " "))"
        case .running, .degraded, .starting, .paused, .draining:
            ([record.notReady].compactMap { $0 } + (record.degraded ?? []).map(Self.text)).joined(separator: "; ")
        case .drained, .stopped: ""
        }
    }

    /// That it was started again, and why last; nil when it was not, or has ended.
    var restartNote: String? {
        guard standing.isAlive, let count = record.restarts, count > 0 else { return nil }
        let times = count == 1 ? "once" : "\(HumanText.count(count)) times"
        return "\(record.instance) was started again \(times)" + (record.lastEnd.map { "; its process before \($0)" } ?? "")
    }

    private static func text(_ dependency: DegradedDependency) -> String {
        let waiting = dependency.waitingCalls > 0 ? ", \(counted(dependency.waitingCalls, "call")) waiting" : ""
        return "\(dependency.dependency) \(dependency.state.rawValue)\(waiting)"
    }

    /// All instances in the order of bots and replicas; those that there shall not be any more are left out unless `all`.
    static func list(_ records: [String: InstanceRecord], _ wishes: Wishes, now: Timestamp, all: Bool = false) -> [InstanceStatus] {
        records.values.map { record in
            let wish = wishes.state(of: Instance(bot: record.bot, replica: record.replica))
            return InstanceStatus(
                record: record, standing: Standing(record, wish: wish, now: now), age: Standing.age(of: record, now: now))
        }
        .filter { status in
            if all || status.standing.isAlive { return true }
            let isWanted = wishes.replicas(of: status.record.bot).map { status.record.replica <= $0 } ?? true
            return isWanted && status.standing != .stopped
        }
        .sorted { ($0.record.bot, $0.record.replica) < ($1.record.bot, $1.record.replica) }
    }
}
