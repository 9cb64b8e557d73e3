import BotKit
import Glibc

/// Brings one commit of a repository into an empty directory, with git.
///
/// No prompt, no hook, no helper and no configuration of the bot's user takes part; submodules are left out.
public struct GitCheckout: Sendable {
    public struct Result: Sendable, Equatable {
        /// The full hash.
        public let commit: String
        /// When the commit was made, seconds since 1970.
        public let time: Int64
    }

    /// Beginnings of URLs that may be read.
    public var allowed: [String]
    /// `SSH_AUTH_SOCK` and `HOME` of the bot, for ssh keys; nil: none.
    public var sshEnvironment: [String: String]
    public var timeLimit: Duration

    public init(allowed: [String], sshEnvironment: [String: String] = [:], timeLimit: Duration = .seconds(600)) {
        self.allowed = allowed
        self.sshEnvironment = sshEnvironment
        self.timeLimit = timeLimit
    }

    /// - Parameters:
    ///   - depth: how many commits of history come along; nil: all.
    ///   - scratch: an existing directory for git's own configuration file.
    ///   - line: takes what git says.
    public func run(
        repository: String, commit: String, branch: String? = nil, into directory: String, scratch: String, depth: Int? = 1,
        line: @escaping @Sendable (LogLine.Stream, String) -> Void = { _, _ in }
    ) async throws(CallFailure) -> Result {
        let url = try RepositoryURL(repository)
        guard url.isAllowed(by: allowed) else {
            throw CallFailure(
                .permanent, code: "repository-refused",
                message: "\(url.text) is not in the allow-list (\(allowed.isEmpty ? "which is empty" : allowed.joined(separator: ", "))); "
                    + "add its beginning to the parameter 'allow' of the step git.checkout")
        }
        let revision = try Revision(commit)
        let work = Work(checkout: self, directory: directory, url: url, configuration: scratch + "/gitconfig", line: line)
        try await work.begin()
        try await work.fetch(revision, depth: depth)
        let hash = try await work.resolve(revision)
        try await work.git(["checkout", "--quiet", "--force", "--detach", hash, "--"], code: "checkout-failed")
        let time = try await work.git(["show", "--no-patch", "--no-show-signature", "--format=%ct", hash, "--"], code: "checkout-failed")
        return Result(commit: hash, time: Int64(time.tail.last ?? "") ?? 0)
    }
}

/// One checkout under way.
private struct Work: Sendable {
    let checkout: GitCheckout
    let directory: String
    let url: RepositoryURL
    let configuration: String
    let line: @Sendable (LogLine.Stream, String) -> Void

    /// What git goes by, in a file of its own, so that it holds for the other end of a `file:` URL too.
    private static let settings = """
        [safe]
        \tdirectory = *
        [core]
        \thooksPath = /dev/null
        \tfsmonitor = false
        \tautocrlf = false
        [protocol]
        \tallow = never
        \tversion = 2
        [protocol "file"]
        \tallow = always
        [protocol "https"]
        \tallow = always
        [protocol "ssh"]
        \tallow = always
        [credential]
        \thelper =
        [submodule]
        \trecurse = false
        [gc]
        \tauto = 0
        [advice]
        \tdetachedHead = false
        [uploadpack]
        \tallowAnySHA1InWant = true
        [init]
        \tdefaultBranch = main

        """

    func begin() async throws(CallFailure) {
        do throws(WorkFileError) {
            try WorkFiles.makeDirectory(directory)
            try WorkFiles.write(Array(Self.settings.utf8), to: configuration)
        } catch { throw error.failure }
        try await git(["init", "--quiet", "--template=", "."], code: "checkout-failed")
        try await git(["remote", "add", "--", "origin", url.text], code: "checkout-failed")
    }

    /// First the one commit, which most servers give; else everything, and the commit is looked for in it.
    func fetch(_ revision: Revision, depth: Int?) async throws(CallFailure) {
        let few = depth.map { ["--depth", String($0)] } ?? []
        switch revision {
        case .hash(let hash) where hash.utf8.count == 40 || hash.utf8.count == 64:
            let one = try await attempt(["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"] + few + ["--", "origin", hash])
            if one.isSuccess { return }
        case .hash: break
        case .name(let name):
            for kind in ["heads", "tags"] {
                let one = try await attempt(
                    ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"] + few
                        + ["--", "origin", "+refs/\(kind)/\(name):refs/mesh/wanted"])
                if one.isSuccess { return }
            }
        }
        let all = try await attempt(
            [
                "fetch", "--quiet", "--no-recurse-submodules", "--", "origin", "+refs/heads/*:refs/remotes/origin/*",
                "+refs/tags/*:refs/tags/*",
            ])
        guard !all.isSuccess else { return }
        throw fetchFailure(all)
    }

    func resolve(_ revision: Revision) async throws(CallFailure) -> String {
        let wanted =
            switch revision {
            case .hash(let hash): hash
            case .name: "refs/mesh/wanted"
            }
        let found = try await attempt(["rev-parse", "--verify", "--quiet", "--end-of-options", wanted + "^{commit}"])
        guard found.isSuccess, let hash = found.tail.last, hash.utf8.count >= 40 else {
            throw CallFailure(.permanent, code: "commit-not-found", message: "\(url.text) has no such commit")
        }
        return hash
    }

    @discardableResult
    func git(_ arguments: [String], code: String) async throws(CallFailure) -> ChildResult {
        let result = try await attempt(arguments)
        guard result.isSuccess else {
            throw CallFailure(
                .permanent, code: code, message: "git \(arguments[0]): \(result.reason): \(result.tail.suffix(3).joined(separator: "; "))")
        }
        return result
    }

    private func attempt(_ arguments: [String]) async throws(CallFailure) -> ChildResult {
        var environment = ChildCommand.plainEnvironment.merging(checkout.sshEnvironment) { $1 }
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["GIT_ASKPASS"] = "/bin/false"
        environment["SSH_ASKPASS"] = "/bin/false"
        environment["GIT_CONFIG_NOSYSTEM"] = "1"
        environment["GIT_CONFIG_GLOBAL"] = configuration
        environment["GIT_ALLOW_PROTOCOL"] = "file:https:ssh"
        environment["GIT_PROTOCOL_FROM_USER"] = "0"
        environment["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oConnectTimeout=20"
        environment["GIT_HTTP_LOW_SPEED_LIMIT"] = "1"
        environment["GIT_HTTP_LOW_SPEED_TIME"] = "60"
        let result: ChildResult
        do throws(ChildError) {
            result = try await ChildProcess.run(
                ChildCommand(
                    "git", arguments, environment: environment, directory: directory,
                    limits: ChildLimits(time: checkout.timeLimit, outputBytes: 4 << 20)),
                line: line)
        } catch { throw error.failure }
        switch result.ending {
        case .cancelled: throw CallFailure(.cancelled, code: "cancelled", message: "the run was cancelled")
        case .timedOut: throw CallFailure(.transient, code: "fetch-timed-out", message: "git did not finish in time: \(url.text)")
        default: return result
        }
    }

    private func fetchFailure(_ result: ChildResult) -> CallFailure {
        let said = result.tail.suffix(3).joined(separator: "; ")
        let text = said.lowercased()
        let network = [
            "could not resolve", "timed out", "connection", "unable to access", "early eof", "could not read from remote",
            "the remote end hung up",
        ]
        let missing = ["not found", "does not exist", "not appear to be a git repository", "authentication failed", "permission denied"]
        let isTransient = network.contains(where: text.contains) && !missing.contains(where: text.contains)
        return CallFailure(isTransient ? .transient : .permanent, code: "fetch-failed", message: "cannot fetch from \(url.text): \(said)")
    }
}
