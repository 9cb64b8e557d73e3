import BotKit
import Envelopes

/// One thing that a scan found.
struct Finding: Sendable, Equatable {
    let check: SecurityCheck
    let rule: String
    let severity: FindingSeverity
    let message: String
    let file: String
    /// From 1; nil where no line is known.
    let line: Int?
    /// Equal for the same thing in the next scan.
    let fingerprint: String
    /// Where it stands: `removed` tells that the commit took it away.
    var isRemoved = false
}

/// All that a scan found.
struct ScanFindings: Sendable {
    var findings: [Finding] = []
    var dependencies: [Dependency] = []
    var matches: [OSVDatabase.Match] = []
    var notes: [String] = []
    var isComplete = true

    static let maximumFindings = 5000

    mutating func add(_ finding: Finding) {
        guard findings.count < Self.maximumFindings else {
            return incomplete("more than \(Self.maximumFindings) findings; the rest is left out")
        }
        findings.append(finding)
    }

    mutating func note(_ text: String) {
        if notes.count < 20, !notes.contains(text) { notes.append(text) }
    }

    mutating func incomplete(_ text: String) {
        isComplete = false
        note(text)
    }

    func counts(_ check: SecurityCheck) -> FindingCounts {
        findings.reduce(into: .none) { counts, finding in if finding.check == check { counts[finding.severity] += 1 } }
    }
}
