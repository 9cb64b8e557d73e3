import BotKit
import Envelopes

/// Brings scanned artifacts to environments, one at a time each, and takes back what turns out bad. Its aggregate is the environment.
public struct DeployBot: Bot {
    public typealias State = DeployState
    public typealias Output = DeployOutput
    public typealias Call = DeployCall

    public static let contract = Contract(
        name: "DeployBot",
        summary: "Brings an artifact that passed its scan to the environments, and back when it does not hold.",
        consumes: ["security.scan_completed", "deploy.requested", "deploy.approved", "deploy.rejected", "deploy.rollback_requested"],
        produces: DeployOutput.types,
        calls: DeployCall.kinds,
        steps: ["deploy.directory", "deploy.kubernetes"],
        actionForm: .set,
        never: [
            "builds or changes an artifact", "deploys what did not pass its scan, unless a person asks",
            "runs two deploys of one environment at once",
        ],
        permissions: [
            Permission(resource: "artifact-store", actions: ["read"]),
            Permission(resource: "environment", actions: ["deploy", "rollback"]),
        ])

    let environments: [String: DeployEnvironment]
    let first: String

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        let actions = configuration.actions.isEmpty ? DeployEnvironment.standard : configuration.actions
        var environments: [String: DeployEnvironment] = [:]
        for (index, action) in actions.enumerated() {
            let environment = try DeployEnvironment(action, index: index)
            guard environments.updateValue(environment, forKey: environment.name) == nil else {
                throw ConfigurationError(path: "actions[\(index)].name", message: "the environment '\(environment.name)' is there twice")
            }
        }
        for (index, action) in actions.enumerated() {
            var seen: Set<String> = []
            var name: String? = action.name
            while let current = name {
                guard let environment = environments[current] else {
                    throw ConfigurationError(path: "actions[\(index)].on_success", message: "there is no environment '\(current)'")
                }
                guard seen.insert(current).inserted else {
                    throw ConfigurationError(
                        path: "actions[\(index)].on_success", message: "leads back to '\(current)': a deploy would go round for ever")
                }
                name = environment.next
            }
        }
        self.environments = environments
        first = actions[0].name
    }

    public func aggregate(of event: Event) throws(Rejection) -> String {
        switch event.type {
        // Needs no memory; '/' stands in no environment's name.
        case SecurityScanCompleted.type: "scan/\(try event.decode(SecurityScanCompleted.self).repository)"
        case DeployRequested.type: try event.decode(DeployRequested.self).environment
        case DeployApproved.type: try event.decode(DeployApproved.self).environment
        case DeployRejected.type: try event.decode(DeployRejected.self).environment
        case DeployRollbackRequested.type: try event.decode(DeployRollbackRequested.self).environment
        default: throw .permanent("unexpected-event", "DeployBot does not consume \(event.type)")
        }
    }

    public func handle(_ input: Input<DeployCall>, state: inout DeployState?, context: Context) throws(Rejection) -> [Effect<
        DeployOutput, DeployCall
    >] {
        switch input {
        case .event(let event) where event.type == SecurityScanCompleted.type:
            return try scanned(event)
        case .event(let event):
            var turn = DeployTurn(environment: try environment(try aggregate(of: event)), state: state, context: context)
            try turn.take(event)
            state = turn.remembered
            return turn.effects
        case .finished(let call, let outcome, _):
            var turn = DeployTurn(environment: try environment(call.environment), state: state, context: context)
            turn.take(call, outcome)
            state = turn.remembered
            return turn.effects
        case .reminder(let reminder, let event):
            var turn = DeployTurn(environment: try environment(try aggregate(of: event)), state: state, context: context)
            turn.take(reminder)
            state = turn.remembered
            return turn.effects
        }
    }

    private func environment(_ name: String) throws(Rejection) -> DeployEnvironment {
        guard let environment = environments[name] else {
            let nearest = NearestName.of(name, in: environments.keys.sorted())
            throw .permanent(
                "unknown-environment",
                "there is no environment '\(name)'; \(nearest.map { "did you mean '\($0)'" } ?? "known are \(environments.keys.sorted().joined(separator: ", "))")"
            )
        }
        return environment
    }

    private func scanned(_ event: Event) throws(Rejection) -> [Effect<DeployOutput, DeployCall>] {
        let scan = try event.decode(SecurityScanCompleted.self)
        guard scan.verdict == .pass else { return [] }
        let request = DeployRequested(
            environment: first, repository: scan.repository, commit: scan.commit, branch: scan.branch, artifact: scan.artifact,
            requestedBy: Self.contract.name, reason: "passed its security scan", buildID: scan.buildID, author: scan.author,
            message: scan.message)
        return [.produce(.requested(request))]
    }
}

/// What DeployBot can produce.
public enum DeployOutput: BotOutput {
    case requested(DeployRequested)
    case rejected(DeployRejected)
    case started(DeployStarted)
    case completed(DeployCompleted)
    case failed(DeployFailed)
    case rolledBack(DeployRolledBack)
    case notification(NotificationRequested)

    public static var types: [EventType] {
        [
            DeployRequested.type, DeployRejected.type, DeployStarted.type, DeployCompleted.type, DeployFailed.type, DeployRolledBack.type,
            NotificationRequested.type,
        ]
    }

    public var payload: any EventPayload {
        switch self {
        case .requested(let payload): payload
        case .rejected(let payload): payload
        case .started(let payload): payload
        case .completed(let payload): payload
        case .failed(let payload): payload
        case .rolledBack(let payload): payload
        case .notification(let payload): payload
        }
    }

    public var priority: Priority? {
        if case .notification = self { .high } else { nil }
    }
}

/// What DeployBot can ask for.
public enum DeployCall: BotCall {
    case prepare(DeployPrepare)
    case trial(DeployTrial)
    case `switch`(DeploySwitch)
    case verify(DeployVerify)
    case revert(DeployRevert)
    case kubernetes(DeployKubernetes)

    public static var kinds: [CallKind] {
        [DeployPrepare.kind, DeployTrial.kind, DeploySwitch.kind, DeployVerify.kind, DeployRevert.kind, DeployKubernetes.kind]
    }

    public var request: any CallRequest {
        switch self {
        case .prepare(let request): request
        case .trial(let request): request
        case .switch(let request): request
        case .verify(let request): request
        case .revert(let request): request
        case .kubernetes(let request): request
        }
    }

    var environment: String {
        switch self {
        case .prepare(let request): request.target.environment
        case .trial(let request): request.target.environment
        case .switch(let request): request.target.environment
        case .verify(let request): request.target.environment
        case .revert(let request): request.target.environment
        case .kubernetes(let request): request.target.environment
        }
    }
}
