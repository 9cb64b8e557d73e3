import BotKit
import Envelopes

/// One handling of one input for one environment: the state as it becomes, and the effects in their order.
struct DeployTurn {
    let environment: DeployEnvironment
    let context: Context
    var state: DeployState
    var effects: [Effect<DeployOutput, DeployCall>] = []

    static let startReminder = "start"

    init(environment: DeployEnvironment, state: DeployState?, context: Context) {
        self.environment = environment
        self.context = context
        self.state = state ?? DeployState()
    }

    /// The state to keep; nil when there is nothing to remember.
    var remembered: DeployState? { state.isEmpty ? nil : state }

    mutating func take(_ event: Event) throws(Rejection) {
        switch event.type {
        case DeployRequested.type: requested(try event.decode(DeployRequested.self), at: event.envelope.timestamp)
        case DeployApproved.type: try approved(try event.decode(DeployApproved.self), at: event.envelope.timestamp)
        case DeployRejected.type: try rejected(try event.decode(DeployRejected.self))
        default: try rollbackRequested(try event.decode(DeployRollbackRequested.self))
        }
    }

    mutating func take(_ reminder: Reminder) {
        if reminder.name == Self.startReminder {
            startNext()
        } else if let run = state.run, reminder.name == retryReminder(run) {
            prepare(run)
        }
    }

    // MARK: - What people and bots ask for

    private mutating func requested(_ request: DeployRequested, at time: Timestamp) {
        let wanted = DeployState.Wanted(deployID: context.runID, request: request)
        supersede(by: wanted)
        if let reason = request.emergencyReason {
            notify(
                wanted, title: "Emergency deploy of \(short(request)) to \(environment.name)",
                text: "\(request.requestedBy) overrode approval: \(reason)", severity: .critical, key: "emergency/\(wanted.deployID)")
            admit(wanted, askedAt: time)
        } else if environment.requiresApproval {
            guard state.awaitingApproval.count < DeployState.maximumWaiting else {
                return refuse(wanted, "\(DeployState.maximumWaiting) deploys already wait for approval")
            }
            state.awaitingApproval.append(wanted)
            notify(
                wanted, title: "Approve \(short(request)) for \(environment.name)?",
                text: """
                    \(details(request))
                    mesh approve \(wanted.deployID)
                    mesh reject \(wanted.deployID) --reason …
                    """, severity: .warning, key: "approval/\(wanted.deployID)")
        } else {
            admit(wanted, askedAt: time)
        }
    }

    private mutating func approved(_ approval: DeployApproved, at time: Timestamp) throws(Rejection) {
        guard let wanted = try takeWaiting(approval.deployID, person: approval.approvedBy) else { return }
        admit(wanted, askedAt: time)
    }

    private mutating func rejected(_ rejection: DeployRejected) throws(Rejection) {
        // Its own rejections (superseded, too many) come back as events and find nothing to do.
        guard rejection.rejectedBy != DeployBot.contract.name,
            let wanted = try takeWaiting(rejection.deployID, person: rejection.rejectedBy)
        else { return }
        state.note(wanted, .rejected, at: context.now, by: rejection.rejectedBy, reason: rejection.reason)
    }

    /// The deploy that waits under this id, taken out; nil when it was decided before.
    private mutating func takeWaiting(_ deployID: String, person: String) throws(Rejection) -> DeployState.Wanted? {
        guard person.contains(where: { !$0.isWhitespace }) else {
            throw .permanent("nameless-decision", "a decision about deploy \(deployID) names nobody; say who decides")
        }
        if let index = state.awaitingApproval.firstIndex(where: { $0.deployID == deployID }) {
            return state.awaitingApproval.remove(at: index)
        }
        let isKnown =
            state.history.contains { $0.deployID == deployID } || state.queue.contains { $0.deployID == deployID }
            || state.run?.wanted.deployID == deployID
        if isKnown { return nil }
        throw .permanent("nothing-to-approve", "no deploy \(deployID) waits for approval in \(environment.name)")
    }

    private mutating func rollbackRequested(_ request: DeployRollbackRequested) throws(Rejection) {
        guard state.run == nil, state.rollback == nil else {
            throw .transient("deploy-under-way", "a deploy to \(environment.name) is under way; the roll-back waits for it")
        }
        guard let live = state.releases.last, state.releases.count > 1 else {
            throw .permanent("nothing-to-roll-back", "\(environment.name) has no earlier release to go back to")
        }
        let previous = state.releases[state.releases.count - 2]
        state.rollback = request
        switch environment.target {
        case .directory(let target, _):
            let revert = DeployRevert(deployID: live.deployID, target: target, release: previous.deployID, reason: request.reason)
            effects.append(.perform(.revert(revert)))
        case .kubernetes(let target, _):
            let undo = DeployKubernetes(
                deployID: live.deployID, operation: .undo, target: target, commit: live.commit, artifact: live.artifact)
            effects.append(.perform(.kubernetes(undo)))
        }
    }

    // MARK: - Who goes next

    private mutating func admit(_ wanted: DeployState.Wanted, askedAt time: Timestamp) {
        let isIdle = state.run == nil && state.rollback == nil && state.queue.isEmpty
        // A request made while the last run was going on has waited, and newer ones may wait behind it: they are looked at first.
        if isIdle, time.milliseconds > state.lastEnd ?? .min { return start(wanted) }
        guard state.queue.count < DeployState.maximumWaiting else {
            return refuse(wanted, "\(DeployState.maximumWaiting) deploys already wait for \(environment.name)")
        }
        if wanted.request.emergencyReason != nil { state.queue.insert(wanted, at: 0) } else { state.queue.append(wanted) }
        if isIdle { effects.append(.remind(Reminder(name: Self.startReminder, after: .zero))) }
    }

    mutating func startNext() {
        guard state.run == nil, state.rollback == nil, !state.queue.isEmpty else { return }
        start(state.queue.removeFirst())
    }

    /// After a run: the next one starts once all that waits in the topic has been seen.
    mutating func end() {
        state.run = nil
        state.lastEnd = context.now.milliseconds
        if !state.queue.isEmpty { effects.append(.remind(Reminder(name: Self.startReminder, after: .zero))) }
    }

    private mutating func supersede(by newer: DeployState.Wanted) {
        func isOlder(_ wanted: DeployState.Wanted) -> Bool {
            wanted.request.repository == newer.request.repository && wanted.request.branch == newer.request.branch
                && wanted.request.emergencyReason == nil
        }
        let older = state.queue.filter(isOlder) + state.awaitingApproval.filter(isOlder)
        state.queue.removeAll(where: isOlder)
        state.awaitingApproval.removeAll(where: isOlder)
        for wanted in older { refuse(wanted, "superseded by commit \(newer.request.commit.prefix(12))") }
    }

    private mutating func refuse(_ wanted: DeployState.Wanted, _ reason: String) {
        let rejected = DeployRejected(
            deployID: wanted.deployID, environment: environment.name, rejectedBy: DeployBot.contract.name, reason: reason)
        effects.append(.produce(.rejected(rejected)))
        state.note(wanted, .rejected, at: context.now, by: DeployBot.contract.name, reason: reason)
    }

    // MARK: - Words

    mutating func notify(_ wanted: DeployState.Wanted, title: String, text: String, severity: Severity, key: String) {
        let notification = NotificationRequested(
            title: bounded(title, 250), text: bounded(text, 8000), severity: severity, channels: [], dedupKey: key,
            eventType: DeployRequested.type,
            repository: wanted.request.repository, environment: environment.name)
        effects.append(.produce(.notification(notification)))
    }

    func retryReminder(_ run: DeployState.Run) -> String { "retry/\(run.wanted.deployID)/\(run.attempt)" }

    private func short(_ request: DeployRequested) -> String { "\(repositoryName(request.repository))@\(request.commit.prefix(8))" }

    private func details(_ request: DeployRequested) -> String {
        var lines = ["\(request.repository) \(request.commit.prefix(12))\(request.branch.map { " on \($0)" } ?? "")"]
        if let author = request.author { lines.append("by \(author)") }
        if let message = request.message { lines.append("\"\(message.prefix { !$0.isNewline }.prefix(120))\"") }
        return lines.joined(separator: ", ")
    }
}
