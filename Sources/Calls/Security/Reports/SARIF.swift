import BotKit
import Envelopes

/// The findings of a scan as SARIF 2.1.0 (OASIS). The same findings give the same bytes.
enum SARIF {
    static func report(_ result: ScanFindings, repository: String, commit: String) -> JSONValue {
        let ids = Set(result.findings.map(\.rule)).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, Int64($0)) })
        let first = Dictionary(result.findings.map { ($0.rule, $0) }, uniquingKeysWith: { first, _ in first })
        let invocation: JSONValue = [
            "executionSuccessful": true,
            "toolExecutionNotifications": .array(result.notes.map { ["level": "warning", "message": ["text": .string($0)]] }),
        ]
        let run: JSONValue = [
            "tool": ["driver": ["name": "botmesh SecurityBot", "rules": .array(ids.compactMap { first[$0].map(rule) })]],
            "columnKind": "utf16CodeUnits",
            "versionControlProvenance": [["repositoryUri": .string(uri(repository)), "revisionId": .string(commit)]],
            "invocations": [invocation],
            "results": .array(result.findings.map { finding in self.result(finding, ruleIndex: numbers[finding.rule] ?? 0) }),
        ]
        return ["$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]]
    }

    private static func rule(_ finding: Finding) -> JSONValue {
        [
            "id": .string(finding.rule),
            "shortDescription": ["text": .string(finding.message)],
            "defaultConfiguration": ["level": .string(level(finding.severity))],
            "properties": ["tags": ["security", .string(finding.check.rawValue)], "security-severity": .string(score(finding.severity))],
        ]
    }

    private static func result(_ finding: Finding, ruleIndex: Int64) -> JSONValue {
        var place: [String: JSONValue] = ["artifactLocation": ["uri": .string(percentEncodedPath(finding.file))]]
        if let line = finding.line { place["region"] = ["startLine": .integer(Int64(max(1, line)))] }
        return [
            "ruleId": .string(finding.rule),
            "ruleIndex": .integer(ruleIndex),
            "level": .string(level(finding.severity)),
            "message": ["text": .string(finding.message)],
            "locations": [["physicalLocation": .object(place)]],
            "partialFingerprints": ["botmesh/v1": .string(finding.fingerprint)],
            "properties": ["severity": .string(finding.severity.rawValue)],
        ]
    }

    private static func level(_ severity: FindingSeverity) -> String {
        switch severity {
        case .critical, .high: "error"
        case .medium: "warning"
        case .low: "note"
        }
    }

    /// The middle of each band of CVSS, which code-scanning views sort by.
    private static func score(_ severity: FindingSeverity) -> String {
        switch severity {
        case .critical: "9.5"
        case .high: "8.0"
        case .medium: "5.5"
        case .low: "2.0"
        }
    }

    private static func percentEncodedPath(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { percentEncoded($0) }.joined(separator: "/")
    }

    /// SARIF asks for an absolute URI: git's short form `host:path` is spelt out.
    private static func uri(_ repository: String) -> String {
        if repository.contains("://") { return repository.split(separator: " ").joined(separator: "%20") }
        return "ssh://" + repository.split(separator: ":", maxSplits: 1).joined(separator: "/")
    }
}
