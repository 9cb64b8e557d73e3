/// How bad a thing is that people are told of: of alerts and notifications.
public enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
    case critical, warning, info

    private var rank: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .critical: 2
        }
    }
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
}
