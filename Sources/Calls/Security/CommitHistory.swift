import BotKit
import Glibc

/// What a scan takes from a repository: a commit's diff, and the allow-list that stands in it.
struct CommitHistory: Sendable {
    let diff: CommitDiff
    let allowList: SecretAllowList
    /// What could not be looked at.
    let problems: [String]
}

/// Fetches one commit with its parents, and compares it with the first of them.
struct CommitFetcher: Sendable {
    /// A longer diff is cut.
    static let maximumDiffBytes = 64 << 20

    /// Beginnings of URLs that may be read.
    let allowed: [String]
    let sshEnvironment: [String: String]
    let timeLimit: Duration

    /// - Parameter directory: an existing directory for this alone.
    func fetch(repository: String, commit: String, into directory: String) async throws(CallFailure) -> CommitHistory {
        let url = try RepositoryURL(repository)
        guard url.isAllowed(by: allowed) else {
            throw CallFailure(
                .permanent, code: "repository-refused",
                message: "\(url.text) begins with none of \(allowed.joined(separator: ", ")); "
                    + "add its beginning to the parameter 'allow' of the step security.secrets")
        }
        let checkout = directory + "/checkout"
        let found = try await GitCheckout(allowed: allowed, sshEnvironment: sshEnvironment, timeLimit: timeLimit)
            .run(repository: repository, commit: commit, into: checkout, scratch: directory, depth: 2)
        let file = directory + "/diff"
        // A first commit has no parent, and a merge is compared with its first.
        let parent = try await git(["rev-parse", "--quiet", "--verify", "\(found.commit)^1^{commit}"], checkout, directory)
        let sides = parent.isSuccess ? ["\(found.commit)^1", found.commit] : ["--root", "--no-commit-id", found.commit]
        let options = ["-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--output=\(file)"]
        let compared = try await git(["diff-tree"] + options + sides + ["--"], checkout, directory)
        guard compared.isSuccess,
            case .text(let text, let isCut) = ScannedFile.read(file, limit: Self.maximumDiffBytes, isBinaryRefused: false)
        else { throw CallFailure(.transient, code: "diff-unreadable", message: "git diff-tree: \(compared.reason)") }
        var problems: [String] = []
        if isCut { problems.append("the commit's diff is larger than \(Self.maximumDiffBytes >> 20) MiB; the rest was not looked at") }
        return CommitHistory(diff: CommitDiff(parsing: text), allowList: allowList(checkout, &problems), problems: problems)
    }

    private func allowList(_ checkout: String, _ problems: inout [String]) -> SecretAllowList {
        do throws(WorkFileError) {
            let text = try WorkFiles.readBeneath(checkout, SecretAllowList.fileName, limit: SecretAllowList.maximumBytes)
            let list = SecretAllowList(parsing: text ?? [])
            problems += list.problems.prefix(5).map { "\(SecretAllowList.fileName): \($0)" }
            return list
        } catch {
            problems.append("\(SecretAllowList.fileName) could not be read, so it allows nothing")
            return SecretAllowList()
        }
    }

    private func git(_ arguments: [String], _ checkout: String, _ scratch: String) async throws(CallFailure) -> ChildResult {
        var environment = ChildCommand.plainEnvironment
        environment["GIT_CONFIG_NOSYSTEM"] = "1"
        // The checkout left its own settings there.
        environment["GIT_CONFIG_GLOBAL"] = scratch + "/gitconfig"
        let result: ChildResult
        do throws(ChildError) {
            result = try await ChildProcess.run(
                ChildCommand(
                    "git", arguments, environment: environment, directory: checkout,
                    limits: ChildLimits(time: timeLimit, outputBytes: 1 << 20)))
        } catch {
            throw error.failure
        }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the scan was cancelled") }
        return result
    }
}
