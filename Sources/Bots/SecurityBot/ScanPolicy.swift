import BotKit
import Envelopes

/// What makes a scan fail: secrets always do, other findings from a severity on.
struct ScanPolicy: Sendable, Equatable {
    /// The least severity that fails the scan; a check that is missing never does.
    var thresholds: [SecurityCheck: FindingSeverity] = [.static: .high, .dockerfile: .high, .dependencies: .high]
    /// Whether a scan passes that could not look at everything.
    var allowsIncomplete = false

    init() {}

    /// Reads the parameters of `security.policy`. `fail_on` is a severity (or `none`) for all checks, or one for each check.
    init(_ parameters: inout ActionParameters) throws(ConfigurationError) {
        allowsIncomplete = try parameters.bool("allow_incomplete", default: false)
        guard let value = parameters.value("fail_on") else { return }
        let names = (FindingSeverity.allCases.map(\.rawValue) + ["none"]).joined(separator: ", ")
        func severity(_ text: String?) throws(ConfigurationError) -> FindingSeverity? {
            if text == "none" { return nil }
            guard let severity = text.flatMap(FindingSeverity.init(rawValue:)) else {
                throw parameters.error("fail_on", "expected one of \(names), or one of them for each of static, dockerfile, dependencies")
            }
            return severity
        }
        if let members = value.object {
            for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                guard let check = SecurityCheck(rawValue: name), check != .secrets else {
                    throw parameters.error("fail_on.\(name)", "expected static, dockerfile or dependencies; secrets always fail")
                }
                thresholds[check] = try severity(value.string)
            }
        } else {
            let least = try severity(value.string)
            for check in SecurityCheck.allCases where check != .secrets { thresholds[check] = least }
        }
    }

    /// Why the scan is refused; empty for a pass.
    func reasons(_ scan: SecurityScanResponse) -> [String] {
        var reasons: [String] = []
        if scan.secretCounts.total > 0 {
            let places = scan.secrets.prefix(3).map { "\($0.rule) in \($0.file):\($0.line)" }.joined(separator: ", ")
            reasons.append("\(Self.counted(scan.secretCounts.total, "secret")): \(places)\(scan.secretCounts.total > 3 ? " …" : "")")
        }
        for (check, counts) in [
            (SecurityCheck.dependencies, scan.dependencyCounts), (.static, scan.staticCounts), (.dockerfile, scan.dockerfileCounts),
        ] {
            guard let least = thresholds[check] else { continue }
            let parts = FindingSeverity.allCases.filter { $0 >= least && counts[$0] > 0 }.map { "\(counts[$0]) \($0.rawValue)" }
            guard !parts.isEmpty else { continue }
            reasons.append("\(Self.title(check)): \(parts.joined(separator: ", ")); allowed is below \(least.rawValue)")
        }
        if !scan.isComplete, !allowsIncomplete {
            reasons.append("not everything could be scanned: \(scan.notes.prefix(3).joined(separator: "; "))")
        }
        return reasons
    }

    private static func title(_ check: SecurityCheck) -> String {
        switch check {
        case .secrets: "secrets"
        case .static: "dangerous calls"
        case .dockerfile: "Dockerfile"
        case .dependencies: "known vulnerabilities"
        }
    }

    private static func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
