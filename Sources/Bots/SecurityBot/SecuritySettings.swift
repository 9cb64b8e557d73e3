import BotKit
import Envelopes

/// SecurityBot's actions, read: which checks run, with what, and what the policy is.
struct SecuritySettings: Sendable, Equatable {
    /// Beginnings of URLs whose commits are fetched, when the configuration names none: remote repositories only.
    static let standardRepositories = ["https://", "ssh://"]
    static let policyStep = "security.policy"
    static var steps: [String] { SecurityCheck.allCases.map { "security.\($0.rawValue)" } + [policyStep] }

    var scan = SecurityScanSettings(checks: SecurityCheck.allCases, repositories: standardRepositories)
    var policy = ScanPolicy()

    init(_ configuration: BotConfiguration) throws(ConfigurationError) {
        if configuration.actions.isEmpty { return }
        var checks: Set<SecurityCheck> = []
        for (index, action) in configuration.actions.enumerated() {
            var parameters = ActionParameters(action, index: index)
            if action.type == Self.policyStep {
                policy = try ScanPolicy(&parameters)
            } else {
                guard action.type.hasPrefix("security."), let check = SecurityCheck(rawValue: String(action.type.dropFirst(9))) else {
                    throw ConfigurationError(
                        path: "actions[\(index)].type", message: "'\(action.type)' is not one of \(Self.steps.joined(separator: ", "))")
                }
                guard checks.insert(check).inserted else {
                    throw ConfigurationError(path: "actions[\(index)].type", message: "'\(action.type)' is there twice")
                }
                scan.excludedPaths += try parameters.strings("exclude") ?? []
                switch check {
                case .secrets: scan.repositories = try parameters.strings("allow") ?? scan.repositories
                case .dependencies: scan.osvDirectory = try parameters.string("osv_directory")
                case .static, .dockerfile: break
                }
            }
            scan.ignored += try parameters.strings("ignore") ?? []
            try parameters.finish()
        }
        scan.checks = SecurityCheck.allCases.filter(checks.contains)
    }
}
