import Envelopes

/// The members of payloads that a line for people is made of.
enum EventField: Int, CaseIterable, Sendable {
    case repository, commit, branch, environment
    case acknowledgedBy, alertName, allClear, artifact, author, bot, buildID, channel, code, coveragePercent, description, durationSeconds
    case emergencyReason, failed, failedStep, findings, healthURLs, message, notificationID, offset, partition, passed, reason, requestedBy
    case schedule, severity, step, steps, text, title, topic, url, verdict, version

    /// As it stands in payloads: `build_id` for `buildID`.
    var name: String { Self.names[rawValue] }

    private static let names = allCases.map { snakeCase("\($0)") }

    private static func snakeCase(_ name: String) -> String {
        var text = ""
        var wasLower = false
        for letter in name {
            if letter.isUppercase, wasLower { text += "_" }
            wasLower = letter.isLowercase
            text += letter.lowercased()
        }
        return text
    }
}

/// Where the members stand that a line is made of.
protocol EventFields {
    subscript(_ field: EventField) -> JSONValue? { get }
}

extension JSONValue: EventFields {
    subscript(_ field: EventField) -> JSONValue? { self[field.name] }
}

/// Those members alone, of a payload that nobody needs as a whole.
struct PickedFields: EventFields {
    private let values: [JSONValue?]
    private static let pick = JSONPick(EventField.allCases.map(\.name))

    init(_ payload: [UInt8]) { values = (try? Self.pick.values(of: payload)) ?? Array(repeating: nil, count: EventField.allCases.count) }

    subscript(_ field: EventField) -> JSONValue? { values[field.rawValue] }
}
