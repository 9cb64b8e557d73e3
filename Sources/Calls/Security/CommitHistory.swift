import BotKit
import Glibc

/// What a scan takes from a repository: a commit's diff, and the allow-list that stands in it.
struct CommitHistory: Sendable {
    let diff: CommitDiff
    let allowList: SecretAllowList
    /// What could not be looked at.
    let problems: [String]
}

/// Fetches one commit, without a working tree, into a repository of its own.
struct CommitFetcher: Sendable {
    /// A longer diff is cut.
    static let maximumDiffBytes = 64 << 20
    /// What is fetched of the history: the commit and its parents.
    private static let depth = 2

    let timeLimit: Duration

    func fetch(repository: String, commit: String, allowed: [String], into directory: String) async throws(CallFailure) -> CommitHistory {
        guard allowed.contains(where: { Self.covers($0, repository) }) else {
            throw CallFailure(
                .permanent, code: "repository-refused",
                message: "\(repository) begins with none of the repositories that SecurityBot's configuration allows")
        }
        guard (7...64).contains(commit.utf8.count), commit.utf8.allSatisfy({ ByteSet.digits.contains($0) || (0x61...0x66).contains($0) })
        else {
            throw CallFailure(.permanent, code: "commit-refused", message: "the commit's name is not hexadecimal")
        }
        try await git(["init", "--quiet", "--bare", directory], in: "/", failure: "cannot-prepare")
        try await git(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=\(Self.depth)", "--", repository, commit], in: directory,
            failure: "commit-not-found")
        let file = directory + "/botmesh-diff"
        // A first commit has no parent, and a merge is compared with its first.
        let hasParent = try await succeeds(["rev-parse", "--quiet", "--verify", "\(commit)^1^{commit}"], in: directory)
        let options = ["-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--output=\(file)"]
        try await git(
            ["diff-tree"] + options + (hasParent ? ["\(commit)^1", commit] : ["--root", commit]) + ["--"], in: directory,
            failure: "diff-unreadable")
        var problems: [String] = []
        let list = directory + "/botmesh-allow"
        var allowList = SecretAllowList()
        if try await succeeds(["cat-file", "-e", "\(commit):\(SecretAllowList.fileName)"], in: directory) {
            // `archive` writes the file's bytes as they are, into a file and through no filter.
            try await git(
                ["archive", "--format=tar", "--output=\(list)", commit, "--", SecretAllowList.fileName], in: directory,
                failure: "allow-list-unreadable")
            if case .text(let tar, _) = Self.raw(list, limit: 2 * SecretAllowList.maximumBytes), let text = Self.firstFile(tar) {
                allowList = SecretAllowList(parsing: text)
            }
            problems += allowList.problems.prefix(5).map { "\(SecretAllowList.fileName): \($0)" }
        }
        guard case .text(let text, let isCut) = Self.raw(file, limit: Self.maximumDiffBytes) else {
            throw CallFailure(.transient, code: "diff-unreadable", message: "git wrote no diff of \(commit)")
        }
        if isCut { problems.append("the commit's diff is larger than \(Self.maximumDiffBytes >> 20) MiB; the rest was not looked at") }
        return CommitHistory(diff: CommitDiff(parsing: text), allowList: allowList, problems: problems)
    }

    /// A prefix counts only up to a border: `https://host/team` covers `https://host/team/x`, not `https://host/teams`.
    static func covers(_ prefix: String, _ repository: String) -> Bool {
        guard !prefix.isEmpty, repository.hasPrefix(prefix), !repository.contains("/../"), !repository.hasSuffix("/..") else {
            return false
        }
        let rest = repository.dropFirst(prefix.count)
        return rest.isEmpty || "/:".contains(prefix.last ?? " ") || rest.hasPrefix("/") || rest == ".git"
    }

    private static func raw(_ path: String, limit: Int) -> ScannedFile {
        // A tar has zero bytes; here they do not make it binary.
        switch ScannedFile.read(path, limit: limit, isBinaryRefused: false) {
        case .text(let bytes, let isCut): .text(bytes, isCut: isCut)
        case .binary, .unreadable: .unreadable
        }
    }

    /// The content of the first plain file in a tar. Source: POSIX.1-2017, pax, "ustar Interchange Format".
    static func firstFile(_ tar: [UInt8]) -> [UInt8]? {
        var start = 0
        while start + 512 <= tar.count {
            let digits = tar[(start + 124)..<(start + 135)].filter { ByteSet.digits.contains($0) }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 8), size >= 0, size <= tar.count else { return nil }
            let type = tar[start + 156]
            let content = start + 512
            if type == UInt8(ascii: "0") || type == 0 { return Array(tar[content..<min(content + size, tar.count)]) }
            start = content + (size + 511) / 512 * 512
        }
        return nil
    }

    private static let settings = [
        "-c", "protocol.allow=never", "-c", "protocol.file.allow=always", "-c", "protocol.https.allow=always",
        "-c", "protocol.http.allow=always", "-c", "protocol.ssh.allow=always", "-c", "core.hooksPath=/dev/null",
        "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "transfer.fsckObjects=true", "-c", "fetch.fsckObjects=true",
    ]

    private func run(_ arguments: [String], in directory: String) async throws(CallFailure) -> ChildResult {
        var environment = ChildCommand.plainEnvironment
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["GIT_CONFIG_NOSYSTEM"] = "1"
        environment["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes"
        if let home = getenv("HOME") { environment["HOME"] = String(cString: home) }
        let result: ChildResult
        do throws(ChildError) {
            result = try await ChildProcess.run(
                ChildCommand(
                    "git", Self.settings + arguments, environment: environment, directory: directory,
                    limits: ChildLimits(time: timeLimit, outputBytes: 1 << 20)))
        } catch {
            throw error.failure
        }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the scan was cancelled") }
        return result
    }

    private func succeeds(_ arguments: [String], in directory: String) async throws(CallFailure) -> Bool {
        try await run(arguments, in: directory).isSuccess
    }

    private func git(_ arguments: [String], in directory: String, failure code: String) async throws(CallFailure) {
        let result = try await run(arguments, in: directory)
        guard !result.isSuccess else { return }
        // What git prints may hold an address with a password in it.
        throw CallFailure(.transient, code: code, message: "git \(arguments[0]): \(result.reason)")
    }
}
