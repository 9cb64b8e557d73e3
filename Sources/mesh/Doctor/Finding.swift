/// What the doctor says of one thing that it looked at.
struct Finding: Encodable, Equatable, Sendable {
    enum Status: String, Encodable, Sendable {
        case fine = "ok"
        /// It works, but not as well as it could, or it could not be looked at.
        case warning
        case problem
    }
    /// What was looked at, in a word, e.g. `topics`.
    let check: String
    let status: Status
    let message: String
    /// The command that mends it, or what to do where no command does.
    let mend: String?

    static func fine(_ check: String, _ message: String) -> Finding { Finding(check: check, status: .fine, message: message, mend: nil) }

    static func warning(_ check: String, _ message: String, mend: String) -> Finding {
        Finding(check: check, status: .warning, message: message, mend: mend)
    }

    static func problem(_ check: String, _ message: String, mend: String) -> Finding {
        Finding(check: check, status: .problem, message: message, mend: mend)
    }
}

/// `a, b, c and 4 more`.
func some(_ names: [String], at most: Int = 3) -> String {
    guard names.count > most else { return names.joined(separator: ", ") }
    return names.prefix(most).joined(separator: ", ") + " and \(names.count - most) more"
}
