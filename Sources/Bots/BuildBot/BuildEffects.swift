import BotKit
import Envelopes

/// What BuildBot can produce.
public enum BuildOutput: BotOutput {
    case started(BuildStarted)
    case completed(BuildCompleted)
    case failed(BuildFailed)
    case cancelled(BuildCancelled)
    case notification(NotificationRequested)

    public static var types: [EventType] {
        [BuildStarted.type, BuildCompleted.type, BuildFailed.type, BuildCancelled.type, NotificationRequested.type]
    }

    public var payload: any EventPayload {
        switch self {
        case .started(let payload): payload
        case .completed(let payload): payload
        case .failed(let payload): payload
        case .cancelled(let payload): payload
        case .notification(let payload): payload
        }
    }
}

/// What BuildBot can ask for.
public enum BuildCall: BotCall {
    case run(BuildRun)

    public static var kinds: [CallKind] { [BuildRun.kind] }
    public var request: any CallRequest {
        switch self {
        case .run(let request): request
        }
    }
}
