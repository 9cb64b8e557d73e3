import BotKit
import Envelopes

/// What TestBot can produce.
public enum TestOutput: BotOutput {
    case started(TestStarted)
    case completed(TestCompleted)
    case failed(TestFailed)
    case skipped(TestSkipped)
    case notification(NotificationRequested)

    public static var types: [EventType] {
        [TestStarted.type, TestCompleted.type, TestFailed.type, TestSkipped.type, NotificationRequested.type]
    }

    public var payload: any EventPayload {
        switch self {
        case .started(let payload): payload
        case .completed(let payload): payload
        case .failed(let payload): payload
        case .skipped(let payload): payload
        case .notification(let payload): payload
        }
    }
}

/// What TestBot can ask for.
public enum TestCall: BotCall {
    case run(TestRun)

    public static var kinds: [CallKind] { [TestRun.kind] }
    public var request: any CallRequest {
        switch self {
        case .run(let request): request
        }
    }
}
