import BotKit
import Envelopes

/// What NotificationBot can produce.
public enum NotificationOutput: BotOutput {
    case sent(NotificationSent)
    case failed(NotificationFailed)

    public static var types: [EventType] { [NotificationSent.type, NotificationFailed.type] }

    public var payload: any EventPayload {
        switch self {
        case .sent(let payload): payload
        case .failed(let payload): payload
        }
    }
}

/// What NotificationBot can ask for.
public enum NotificationCall: BotCall {
    case console(Notify<ConsoleMedium>)
    case file(Notify<FileMedium>)
    case slack(Notify<SlackMedium>)
    case email(Notify<EmailMedium>)
    case pagerDuty(Notify<PagerDutyMedium>)

    public static var kinds: [CallKind] {
        [ConsoleMedium.kind, FileMedium.kind, SlackMedium.kind, EmailMedium.kind, PagerDutyMedium.kind]
    }

    public var request: any CallRequest {
        switch self {
        case .console(let request): request
        case .file(let request): request
        case .slack(let request): request
        case .email(let request): request
        case .pagerDuty(let request): request
        }
    }

    var channel: String {
        switch self {
        case .console(let request): request.channel
        case .file(let request): request.channel
        case .slack(let request): request.channel
        case .email(let request): request.channel
        case .pagerDuty(let request): request.channel
        }
    }

    var message: NotificationMessage {
        switch self {
        case .console(let request): request.message
        case .file(let request): request.message
        case .slack(let request): request.message
        case .email(let request): request.message
        case .pagerDuty(let request): request.message
        }
    }

    var attempt: Int {
        switch self {
        case .console(let request): request.attempt
        case .file(let request): request.attempt
        case .slack(let request): request.attempt
        case .email(let request): request.attempt
        case .pagerDuty(let request): request.attempt
        }
    }
}
