import BotKit
import Envelopes
import Kafka
import Terminal

/// What a person decides: each command writes one event that names who decided, and why.
enum PersonCommands {
    private static let reason = Flag("reason", value: "TEXT", help: "why; it stands in the event and in the audit")

    static let all = [
        Command(
            "cancel", summary: "Cancel a build that runs or waits",
            json: WrittenEvent.form, arguments: [Argument("BUILD", help: "the build_id of build.started")], flags: [reason, .format],
            run: cancel),
        Command(
            "approve", summary: "Let a deploy go ahead that waits for approval",
            json: WrittenEvent.form, arguments: [Argument("DEPLOY", help: "the deploy's id, as the notification tells it")],
            flags: [reason, .format], run: approve),
        Command(
            "reject", summary: "Refuse a deploy that waits for approval",
            json: WrittenEvent.form, arguments: [Argument("DEPLOY", help: "the deploy's id, as the notification tells it")],
            flags: [reason, .format], run: reject),
        Command(
            "rollback", summary: "Put an environment back on its previous release",
            json: WrittenEvent.form, arguments: [Argument("ENVIRONMENT", help: "e.g. production")], flags: [reason, .format], run: rollback),
        Command(
            "acknowledge", summary: "Say that you look after a notification, so that it does not escalate",
            json: WrittenEvent.form, arguments: [Argument("NOTIFICATION", help: "the notification_id of notification.sent")],
            flags: [.format],
            run: acknowledge),
    ]

    @Sendable private static func cancel(_ invocation: Invocation) throws -> Int32 {
        let build = invocation.arguments[0]
        let settings = try invocation.settings()
        let known = try read(["build.started", "build.completed", "build.failed", "build.cancelled"], settings)
        let states = known.filter { $0.text("build_id") == build }.map(\.envelope.type)
        if let ended = states.first(where: { $0 != BuildStarted.type }) { throw CommandFailure("build \(build) is over already: \(ended)") }
        if states.isEmpty {
            let over = Set(known.filter { $0.envelope.type != BuildStarted.type }.compactMap { $0.text("build_id") })
            let running = known.compactMap { $0.text("build_id") }.filter { !over.contains($0) }
            throw CommandFailure(
                "no build \(build) has started. " + (running.isEmpty ? "No build runs." : "Running: \(running.joined(separator: ", "))"))
        }
        let written = try EventPublisher(settings: settings).publish(
            BuildCancelRequested(buildID: build, reason: invocation["reason"], requestedBy: Person.name(settings)),
            correlationID: known.first { $0.text("build_id") == build }?.envelope.correlationID,
            decision: Decision(person: Person.name(settings), subject: build))
        try Output(invocation).written(written, subject: build, "asked for the end of build \(build); build.cancelled follows")
        return 0
    }

    @Sendable private static func approve(_ invocation: Invocation) throws -> Int32 {
        let settings = try invocation.settings()
        let waiting = try WaitingDeploy.find(invocation.arguments[0], settings)
        let written = try EventPublisher(settings: settings).publish(
            DeployApproved(
                deployID: waiting.id, environment: waiting.environment, approvedBy: Person.name(settings), reason: invocation["reason"]),
            correlationID: waiting.correlationID, decision: Decision(person: Person.name(settings), subject: waiting.id))
        try Output(invocation).written(written, subject: waiting.id, "approved: \(waiting.environment) gets \(waiting.commit.prefix(8))")
        return 0
    }

    @Sendable private static func reject(_ invocation: Invocation) throws -> Int32 {
        guard let reason = invocation["reason"], !reason.isEmpty else { throw UsageError("mesh reject needs --reason TEXT") }
        let settings = try invocation.settings()
        let waiting = try WaitingDeploy.find(invocation.arguments[0], settings)
        let written = try EventPublisher(settings: settings).publish(
            DeployRejected(deployID: waiting.id, environment: waiting.environment, rejectedBy: Person.name(settings), reason: reason),
            correlationID: waiting.correlationID, decision: Decision(person: Person.name(settings), subject: waiting.id))
        try Output(invocation).written(written, subject: waiting.id, "rejected: \(waiting.environment) stays as it is")
        return 0
    }

    @Sendable private static func rollback(_ invocation: Invocation) throws -> Int32 {
        let environment = invocation.arguments[0]
        let settings = try invocation.settings()
        let deployed = Set(try read(["deploy.completed"], settings).compactMap { $0.text("environment") })
        guard deployed.contains(environment) else {
            let hint = NearestName.of(environment, in: deployed).map { "; did you mean '\($0)'?" } ?? ""
            throw CommandFailure("nothing was deployed to '\(environment)' yet" + hint)
        }
        let written = try EventPublisher(settings: settings).publish(
            DeployRollbackRequested(
                environment: environment, requestedBy: Person.name(settings), reason: invocation["reason"] ?? "asked for by a person"),
            decision: Decision(person: Person.name(settings), subject: environment))
        try Output(invocation).written(
            written, subject: environment, "asked for the previous release on \(environment); deploy.rolled_back follows")
        return 0
    }

    @Sendable private static func acknowledge(_ invocation: Invocation) throws -> Int32 {
        let settings = try invocation.settings()
        let id = invocation.arguments[0]
        guard let sent = try read(["notification.sent"], settings).last(where: { $0.text("notification_id") == id }) else {
            throw CommandFailure("no notification \(id) was sent")
        }
        let written = try EventPublisher(settings: settings).publish(
            NotificationAcknowledged(notificationID: id, acknowledgedBy: Person.name(settings)), correlationID: sent.envelope.correlationID,
            decision: Decision(person: Person.name(settings), subject: id))
        try Output(invocation).written(written, subject: id, "acknowledged")
        return 0
    }

    private static func read(_ topics: Set<String>, _ settings: ClientSettings) throws -> [EventReader.Entry] {
        try EventReader.all(of: topics, settings)
    }
}
