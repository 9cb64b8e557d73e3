import BotKit
import Envelopes

/// What MonitorBot can produce.
public enum MonitorOutput: BotOutput {
    case passed(MonitorHealthCheckPassed)
    case failed(MonitorHealthCheckFailed)
    case metrics(MonitorMetricsCollected)
    case triggered(AlertTriggered)
    case resolved(AlertResolved)

    public static var types: [EventType] {
        [
            MonitorHealthCheckPassed.type, MonitorHealthCheckFailed.type, MonitorMetricsCollected.type, AlertTriggered.type,
            AlertResolved.type,
        ]
    }

    public var payload: any EventPayload {
        switch self {
        case .passed(let payload): payload
        case .failed(let payload): payload
        case .metrics(let payload): payload
        case .triggered(let payload): payload
        case .resolved(let payload): payload
        }
    }

    public var priority: Priority? {
        switch self {
        case .triggered(let alert): alert.severity == .critical ? .critical : .high
        case .resolved: .high
        case .passed, .failed, .metrics: nil
        }
    }
}

/// What MonitorBot can ask for.
public enum MonitorCall: BotCall {
    case probe(ProbeRequest)
    case scrape(MetricsScrape)

    public static var kinds: [CallKind] { [ProbeRequest.kind, MetricsScrape.kind] }

    public var request: any CallRequest {
        switch self {
        case .probe(let request): request
        case .scrape(let request): request
        }
    }
}
