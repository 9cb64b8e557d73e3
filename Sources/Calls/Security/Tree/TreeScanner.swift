import BotKit
import Envelopes

/// Looks at every file of a tree and at a commit's diff.
struct TreeScanner: Sendable {
    /// Of a text file no more is looked at.
    static let maximumTextBytes = 4 << 20
    /// Of all text files together.
    static let maximumTotalBytes = 1 << 30
    /// Directories that hold others' code or git's own data: their secrets and calls are not this repository's.
    static let skippedDirectories: Set<String> = [".git", "node_modules", ".venv", "__pycache__", ".build"]

    let settings: SecurityScanSettings
    let allowList: SecretAllowList
    private let secrets: SecretScanner
    private let statics: StaticScanner
    private let excluded: [PathGlob]

    init(settings: SecurityScanSettings, allowList: SecretAllowList, secrets: SecretScanner, statics: StaticScanner) {
        self.settings = settings
        self.allowList = allowList
        self.secrets = secrets
        self.statics = statics
        excluded = settings.excludedPaths.map { PathGlob($0) }
    }

    /// Adds what stands in the tree.
    func scan(tree: String, into result: inout ScanFindings, stop: StopFlag) throws(CallFailure) {
        let walk = try TreeWalk.files(below: tree, skipping: Self.skippedDirectories, stop: stop)
        for problem in walk.problems { result.incomplete(problem) }
        var total = 0
        let paths = Set(walk.files.map(\.path))
        for file in walk.files where !isExcluded(file.path) {
            try stop.check()
            let isLockFile = settings.checks.contains(.dependencies) && LockFile.isKnown(path: file.path)
            switch ScannedFile.read("\(tree)/\(file.path)", limit: isLockFile ? LockFile.maximumBytes : Self.maximumTextBytes) {
            case .binary: continue
            case .unreadable: result.incomplete("\(file.path.prefix(200)) could not be read")
            case .text(let text, let isCut):
                total += text.count
                guard total <= Self.maximumTotalBytes else {
                    return result.incomplete("more than \(Self.maximumTotalBytes >> 20) MiB of text")
                }
                if isCut { result.note("\(file.path.prefix(200)): only the first \(text.count >> 20) MiB were looked at") }
                if isLockFile { dependencies(file.path, text, isCut: isCut, paths: paths, into: &result) }
                look(at: file.path, text, isLockFile: isLockFile, into: &result)
            }
        }
    }

    private func look(at path: String, _ text: [UInt8], isLockFile: Bool, into result: inout ScanFindings) {
        if settings.checks.contains(.secrets) {
            for match in secrets.scan(text) { add(match, path: path, line: match.line, isRemoved: false, into: &result) }
        }
        // Lock files hold no calls, and digests by the thousand.
        if isLockFile { return }
        if settings.checks.contains(.static) {
            for match in statics.scan(path: path, text: text) where !settings.ignored.contains(match.rule) {
                let finding = Finding(
                    check: .static, rule: match.rule, severity: match.severity, message: match.message, file: path, line: match.line,
                    fingerprint: Self.fingerprint(match.rule, path, Self.line(match.line, of: text)))
                result.add(finding)
            }
        }
        if settings.checks.contains(.dockerfile), Dockerfile.isDockerfile(path: path) {
            for match in DockerfileChecks.check(Dockerfile(parsing: text)) where !settings.ignored.contains(match.rule) {
                let finding = Finding(
                    check: .dockerfile, rule: match.rule, severity: match.severity, message: match.message, file: path, line: match.line,
                    fingerprint: Self.fingerprint(match.rule, path, Self.line(match.line, of: text)))
                result.add(finding)
            }
        }
    }

    /// Adds the secrets that the commit brought or took away, those of the tree left out.
    func scan(diff: CommitDiff, into result: inout ScanFindings, stop: StopFlag) throws(CallFailure) {
        guard settings.checks.contains(.secrets) else { return }
        if diff.isCut { result.incomplete("the commit's diff has more than \(CommitDiff.maximumChanges) changes") }
        for change in diff.changes where !isExcluded(change.path) {
            try stop.check()
            for match in secrets.scan(change.text) {
                add(match, path: change.path, line: change.firstLine + match.line - 1, isRemoved: change.isRemoval, into: &result)
            }
        }
    }

    private func add(_ match: SecretMatch, path: String, line: Int, isRemoved: Bool, into result: inout ScanFindings) {
        guard !allowList.allows(rule: match.rule, path: path, fingerprint: match.fingerprint), !settings.ignored.contains(match.rule),
            !result.findings.contains(where: { $0.check == .secrets && $0.fingerprint == match.fingerprint && $0.file == path })
        else { return }
        let title = SecretRule.titles[match.rule] ?? match.rule
        let message =
            isRemoved
            ? "\(title): taken away by this commit, but still in the repository's history; revoke it"
            : "\(title): revoke it, and keep secrets out of the repository"
        result.add(
            Finding(
                check: .secrets, rule: match.rule, severity: .critical, message: message, file: path, line: line,
                fingerprint: match.fingerprint, isRemoved: isRemoved))
    }

    private func dependencies(_ path: String, _ text: [UInt8], isCut: Bool, paths: Set<String>, into result: inout ScanFindings) {
        guard !isCut else { return result.incomplete("\(path.prefix(200)) is larger than \(LockFile.maximumBytes >> 20) MiB") }
        // go.mod says what is built; go.sum also lists what was only looked at.
        if path.hasSuffix("go.sum"), paths.contains(path.dropLast(3) + "mod") { return }
        do {
            result.dependencies += try LockFile.parse(path: path, text: text)
        } catch {
            result.incomplete("\(path.prefix(200)) could not be read: \(error.reason)")
        }
    }

    private func isExcluded(_ path: String) -> Bool { excluded.contains { $0.matches(path) } }

    /// Equal when the same line of the same file breaks the same rule, wherever in the file it stands.
    private static func fingerprint(_ rule: String, _ path: String, _ line: String) -> String {
        UUIDv5.derive(["finding", rule, path, line.trimmed]).text
    }

    private static func line(_ number: Int, of text: [UInt8]) -> String {
        var current = 1
        var start = 0
        while current < number, let end = text[start...].firstIndex(of: 0x0a) {
            start = end + 1
            current += 1
        }
        return String(decoding: text[start...].prefix { $0 != 0x0a }.prefix(1024), as: UTF8.self)
    }
}

extension SecretRule {
    static let titles: [String: String] = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0.title) })
}
