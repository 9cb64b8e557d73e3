import BotKit
import Envelopes

/// What SecurityBot can produce.
public enum SecurityOutput: BotOutput {
    case started(SecurityScanStarted)
    case completed(SecurityScanCompleted)
    case vulnerabilities(SecurityVulnerabilitiesFound)
    case secrets(SecuritySecretsFound)
    case failed(SecurityFailed)

    public static var types: [EventType] {
        [
            SecurityScanStarted.type, SecurityScanCompleted.type, SecurityVulnerabilitiesFound.type, SecuritySecretsFound.type,
            SecurityFailed.type,
        ]
    }

    public var payload: any EventPayload {
        switch self {
        case .started(let payload): payload
        case .completed(let payload): payload
        case .vulnerabilities(let payload): payload
        case .secrets(let payload): payload
        case .failed(let payload): payload
        }
    }

    public var priority: Priority? {
        switch self {
        case .secrets, .vulnerabilities, .failed: .high
        case .started, .completed: nil
        }
    }
}

/// What SecurityBot can ask for.
public enum SecurityCall: BotCall {
    case scan(SecurityScanRequest)

    public static var kinds: [CallKind] { [SecurityScanRequest.kind] }

    public var request: any CallRequest {
        switch self {
        case .scan(let request): request
        }
    }
}
