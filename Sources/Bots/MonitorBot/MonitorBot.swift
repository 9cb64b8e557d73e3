import BotKit
import Envelopes

/// Watches what was deployed: closely after a deploy, then at a slower pace, and what the configuration names on its schedule.
///
/// Its aggregates are the environments, for what deploys bring, and `scheduled`, for the checks of the configuration.
public struct MonitorBot: Bot {
    public typealias State = MonitorState
    public typealias Output = MonitorOutput
    public typealias Call = MonitorCall

    public static let contract = Contract(
        name: "MonitorBot",
        summary: "Watches the health and the metrics of what was deployed, and raises and clears alerts.",
        consumes: [DeployCompleted.type, ScheduleFired.type],
        produces: MonitorOutput.types,
        calls: MonitorCall.kinds,
        steps: MonitorSettings.steps,
        actionForm: .set,
        never: [
            "changes what it watches", "asks a host that its configuration does not allow", "raises an alert that stands a second time",
        ],
        permissions: [
            Permission(resource: "health-endpoint", actions: ["read"]), Permission(resource: "metrics-endpoint", actions: ["read"]),
        ])

    static let scheduled = "scheduled"

    let settings: MonitorSettings

    public init(configuration: BotConfiguration) throws(ConfigurationError) {
        settings = try MonitorSettings(configuration)
    }

    public func aggregate(of event: Event) throws(Rejection) -> String {
        switch event.type {
        case DeployCompleted.type: "environment/\(try event.decode(DeployCompleted.self).environment)"
        case ScheduleFired.type: Self.scheduled
        default: throw .permanent("unexpected-event", "MonitorBot does not consume \(event.type)")
        }
    }

    public func handle(
        _ input: Input<MonitorCall>, state: inout MonitorState?, context: Context
    ) throws(Rejection) -> [Effect<MonitorOutput, MonitorCall>] {
        var turn = MonitorTurn(settings: settings, state: state ?? MonitorState(), context: context)
        switch input {
        case .event(let event) where event.type == DeployCompleted.type:
            turn.begin(try event.decode(DeployCompleted.self), at: event.envelope.timestamp)
        case .event(let event) where event.type == ScheduleFired.type:
            // The topic carries the schedules of all bots.
            if try event.decode(ScheduleFired.self).bot == Self.contract.name { turn.askScheduled() }
        case .event(let event): throw .permanent("unexpected-event", "MonitorBot does not consume \(event.type)")
        case .reminder(let reminder, _): turn.remind(reminder)
        case .finished(.probe(let probe), let outcome, let event):
            turn.take(probe, outcome.response(to: probe), isWatch: event.type != ScheduleFired.type)
        case .finished(.scrape(let scrape), let outcome, _): turn.take(scrape, outcome.response(to: scrape))
        }
        state = turn.state.isEmpty ? nil : turn.state
        return turn.effects
    }
}
