import BotKit
import Envelopes

/// Tells people of commits that went straight to a protected branch.
public struct BranchGuardBot: Bot {
    public enum Output: BotOutput {
        case tell(NotificationRequested)
        public static let types: [EventType] = [NotificationRequested.type]
        public var payload: any EventPayload {
            switch self {
            case .tell(let payload): payload
            }
        }
    }
    public static let contract = Contract(
        name: "BranchGuardBot", summary: "Tells people of commits that went straight to a protected branch.",
        consumes: [CodeCommitted.type], produces: Output.types, never: ["build, test or deploy"])

    public init(configuration: BotConfiguration) {}

    public func handle(_ input: Input<Never>, state: inout Never?, context: Context) throws(Rejection) -> [Effect<Output, Never>] {
        guard case .event(let event) = input else { return [] }
        let commit = try event.decode(CodeCommitted.self)
        guard commit.branch == "release" else { return [] }
        let text = "\(commit.author ?? "somebody") committed \(commit.commit.prefix(8)) to \(commit.repository)"
        return [
            .produce(.tell(NotificationRequested(title: "Direct commit to release", text: text, severity: .warning, channels: ["console"])))
        ]
    }
}
