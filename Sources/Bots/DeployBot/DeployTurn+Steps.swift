import BotKit
import Envelopes

/// The steps of a run: prepare → (trial) → switch → verify → completed, or back to what was live before.
extension DeployTurn {
    /// How often a preparation is tried that failed for a passing reason.
    private static let maximumAttempts = 3
    /// What the schemas take, in characters.
    private static let maximumReason = 4000

    mutating func start(_ wanted: DeployState.Wanted) {
        let run = DeployState.Run(wanted: wanted, startedAt: context.now.milliseconds)
        state.run = run
        let request = wanted.request
        effects.append(
            .produce(
                .started(
                    DeployStarted(
                        deployID: wanted.deployID, environment: environment.name, repository: request.repository, commit: request.commit,
                        branch: request.branch, strategy: environment.strategy))))
        prepare(run)
    }

    mutating func prepare(_ run: DeployState.Run) {
        let request = run.wanted.request
        switch environment.target {
        case .directory(let target, _):
            let prepare = DeployPrepare(
                deployID: run.wanted.deployID, target: target, repository: request.repository, commit: request.commit,
                artifact: request.artifact)
            effects.append(.perform(.prepare(prepare)))
        case .kubernetes(var target, let image):
            target.image = image?.render { value($0, run.wanted) }
            effects.append(.perform(.kubernetes(kubernetes(.apply, target, run))))
        }
    }

    mutating func take(_ call: DeployCall, _ outcome: CallOutcome) {
        if state.rollback != nil { return rolledBack(call, outcome) }
        // A run that a person's roll-back or a lost state has ended needs no more steps.
        guard let run = state.run else { return }
        switch call {
        case .prepare(let request): prepared(run, outcome.response(to: request))
        case .trial(let request): tried(run, outcome.response(to: request))
        case .switch(let request): switched(run, outcome.response(to: request))
        case .verify(let request): verified(run, outcome.response(to: request))
        case .revert(let request): reverted(run, outcome.response(to: request))
        case .kubernetes(let request) where request.operation == .apply: applied(run, outcome.response(to: request))
        case .kubernetes(let request): reverted(run, outcome.response(to: request))
        }
    }

    private mutating func prepared(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) {
        if retries(run, result) { return }
        guard passes(result, stage: "prepare"), case .directory(let target, let canary) = environment.target else { return }
        let hasTrial = target.service?.port.map { target.health?.moved(from: $0, to: 1) != nil } ?? false
        if hasTrial {
            effects.append(.perform(.trial(DeployTrial(deployID: run.wanted.deployID, target: target, watch: canary))))
        } else {
            makeLive(run, target)
        }
    }

    private mutating func tried(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) {
        guard passes(result, stage: environment.strategy == "canary" ? "canary" : "trial"),
            case .directory(let target, _) = environment.target
        else { return }
        makeLive(run, target)
    }

    private mutating func makeLive(_ run: DeployState.Run, _ target: DirectoryTarget) {
        let request = run.wanted.request
        let change = DeploySwitch(
            deployID: run.wanted.deployID, target: target, repository: request.repository, commit: request.commit,
            emergencyReason: request.emergencyReason)
        effects.append(.perform(.switch(change)))
    }

    private mutating func switched(_ run: DeployState.Run, _ result: Result<DeploySwitch.Response, CallFailure>) {
        guard case .directory(let target, _) = environment.target else { return }
        switch result {
        case .success(let response):
            state.run?.previousRelease = response.previousRelease
            effects.append(.perform(.verify(DeployVerify(deployID: run.wanted.deployID, target: target))))
        case .failure(let failure):
            state.run?.previousRelease = state.releases.last?.deployID
            takeBack(DeployState.Failure(stage: "switch", reason: failure.description, outputTail: []))
        }
    }

    private mutating func verified(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) {
        switch result {
        case .success(let report) where report.passed: completed(run)
        case .success(let report):
            takeBack(DeployState.Failure(stage: "verify", reason: report.reason ?? "the check failed", outputTail: report.outputTail))
        case .failure(let failure): takeBack(DeployState.Failure(stage: "verify", reason: failure.description, outputTail: []))
        }
    }

    private mutating func applied(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) {
        if retries(run, result) { return }
        switch result {
        case .success(let report) where report.passed: completed(run)
        case .success(let report):
            takeBack(DeployState.Failure(stage: "rollout", reason: report.reason ?? "the rollout failed", outputTail: report.outputTail))
        case .failure(let failure): takeBack(DeployState.Failure(stage: "rollout", reason: failure.description, outputTail: []))
        }
    }

    /// Sets a reminder to try the preparation again; false when the result is no passing failure, or there were enough tries.
    private mutating func retries(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) -> Bool {
        guard case .failure(let failure) = result, failure.kind == .transient, run.attempt < Self.maximumAttempts else { return false }
        var next = run
        next.attempt += 1
        state.run = next
        effects.append(.remind(Reminder(name: retryReminder(next), after: .seconds(5 << (next.attempt - 2)))))
        return true
    }

    /// True when the step passed; else the run has failed with nothing switched.
    private mutating func passes(_ result: Result<DeployReport, CallFailure>, stage: String) -> Bool {
        switch result {
        case .success(let report) where report.passed: return true
        case .success(let report):
            fail(DeployState.Failure(stage: stage, reason: report.reason ?? "failed", outputTail: report.outputTail), rolledBack: false)
        case .failure(let failure):
            fail(DeployState.Failure(stage: stage, reason: failure.description, outputTail: []), rolledBack: false)
        }
        return false
    }

    // MARK: - Ends

    private mutating func completed(_ run: DeployState.Run) {
        let wanted = run.wanted
        let request = wanted.request
        let duration = Double(context.now.milliseconds - run.startedAt) / 1000
        effects.append(
            .produce(
                .completed(
                    DeployCompleted(
                        deployID: wanted.deployID, environment: environment.name, repository: request.repository, commit: request.commit,
                        branch: request.branch, strategy: environment.strategy, artifact: request.artifact, release: wanted.deployID,
                        healthURLs: environment.healthURLs, durationSeconds: max(0, duration)))))
        state.releases.append(
            DeployState.Release(
                deployID: wanted.deployID, repository: request.repository, commit: request.commit, artifact: request.artifact,
                liveSince: context.now.milliseconds))
        state.releases.removeFirst(max(0, state.releases.count - keptReleases))
        state.note(wanted, .completed, at: context.now, by: request.requestedBy, reason: request.emergencyReason)
        if let next = environment.next {
            effects.append(
                .produce(
                    .requested(
                        DeployRequested(
                            environment: next, repository: request.repository, commit: request.commit, branch: request.branch,
                            artifact: request.artifact, requestedBy: DeployBot.contract.name, reason: "live in \(environment.name)",
                            buildID: request.buildID, author: request.author, message: request.message))))
        }
        end()
    }

    private mutating func takeBack(_ failure: DeployState.Failure) {
        state.run?.failure = failure
        guard let run = state.run else { return }
        switch environment.target {
        case .directory(let target, _):
            let revert = DeployRevert(
                deployID: run.wanted.deployID, target: target, release: run.previousRelease, reason: failure.reason)
            effects.append(.perform(.revert(revert)))
        case .kubernetes(let target, _): effects.append(.perform(.kubernetes(kubernetes(.undo, target, run))))
        }
    }

    /// After the roll-back of a failed run.
    private mutating func reverted(_ run: DeployState.Run, _ result: Result<DeployReport, CallFailure>) {
        var failure = run.failure ?? DeployState.Failure(stage: "switch", reason: "unknown", outputTail: [])
        let problem: String? =
            switch result {
            case .success(let report): report.passed ? nil : report.reason ?? "the earlier release is not healthy"
            case .failure(let failure): failure.description
            }
        guard problem == nil else {
            failure.reason += "; the roll-back failed too: \(problem ?? "")"
            notify(
                run.wanted, title: "\(environment.name) is broken", text: "\(failure.reason). A person must look at it.",
                severity: .critical, key: "broken/\(run.wanted.deployID)")
            return fail(failure, rolledBack: false)
        }
        guard let previous = state.releases.last else {
            failure.reason += "; there was no release before it, the environment is empty again"
            return fail(failure, rolledBack: false)
        }
        let request = run.wanted.request
        let rolledBack = DeployRolledBack(
            deployID: run.wanted.deployID, environment: environment.name, repository: request.repository, fromCommit: request.commit,
            toCommit: previous.commit, reason: bounded(failure.reason, Self.maximumReason), requestedBy: DeployBot.contract.name)
        fail(failure, rolledBack: true)
        effects.append(.produce(.rolledBack(rolledBack)))
    }

    private mutating func fail(_ failure: DeployState.Failure, rolledBack: Bool) {
        guard let wanted = state.run?.wanted else { return }
        let request = wanted.request
        let reason = bounded(failure.reason, Self.maximumReason)
        let tail = failure.outputTail.suffix(50).map { bounded($0, 1000) }
        effects.append(
            .produce(
                .failed(
                    DeployFailed(
                        deployID: wanted.deployID, environment: environment.name, repository: request.repository, commit: request.commit,
                        branch: request.branch, stage: failure.stage, reason: reason, rolledBack: rolledBack,
                        outputTail: tail.isEmpty ? nil : tail))))
        state.note(wanted, rolledBack ? .rolledBack : .failed, at: context.now, by: request.requestedBy, reason: reason)
        end()
    }

    /// After the roll-back that a person asked for.
    private mutating func rolledBack(_ call: DeployCall, _ outcome: CallOutcome) {
        guard let request = state.rollback, let live = state.releases.last else { return }
        let result: Result<DeployReport, CallFailure> =
            switch call {
            case .revert(let request): outcome.response(to: request)
            case .kubernetes(let request): outcome.response(to: request)
            default: .failure(CallFailure(.permanent, code: "unexpected-call", message: "no roll-back"))
            }
        let problem: String? =
            switch result {
            case .success(let report): report.passed ? nil : report.reason ?? "the earlier release is not healthy"
            case .failure(let failure): failure.description
            }
        let previous = state.releases.dropLast().last
        let wanted = DeployState.Wanted(
            deployID: live.deployID,
            request: DeployRequested(
                environment: environment.name, repository: live.repository, commit: live.commit, artifact: live.artifact,
                requestedBy: request.requestedBy))
        if let problem {
            notify(
                wanted, title: "The roll-back of \(environment.name) failed", text: "\(problem). A person must look at it.",
                severity: .critical, key: "rollback/\(live.deployID)")
        } else {
            state.releases.removeLast()
            state.note(wanted, .rolledBack, at: context.now, by: request.requestedBy, reason: request.reason)
            effects.append(
                .produce(
                    .rolledBack(
                        DeployRolledBack(
                            deployID: live.deployID, environment: environment.name, repository: live.repository, fromCommit: live.commit,
                            toCommit: previous?.commit ?? "", reason: request.reason, requestedBy: request.requestedBy))))
        }
        state.rollback = nil
        end()
    }

    private var keptReleases: Int {
        if case .directory(let target, _) = environment.target { target.keptReleases } else { 10 }
    }

    private func kubernetes(_ operation: DeployKubernetes.Operation, _ target: KubernetesTarget, _ run: DeployState.Run) -> DeployKubernetes
    {
        DeployKubernetes(
            deployID: run.wanted.deployID, operation: operation, target: target, commit: run.wanted.request.commit,
            artifact: run.wanted.request.artifact)
    }

    /// A field of the request that an image's name may stand on.
    private func value(_ name: String, _ wanted: DeployState.Wanted) -> JSONValue? {
        let request = wanted.request
        let text: String? =
            switch name {
            case "commit": request.commit
            case "branch": request.branch
            case "repository": request.repository
            case "repository_name": repositoryName(request.repository)
            case "environment": request.environment
            case "build_id": request.buildID
            case "deploy_id": wanted.deployID
            case "artifact.sha256": request.artifact.sha256
            default: nil
            }
        return text.map(JSONValue.string)
    }
}
