import FoundationEssentials
import LocalBroker
import MeshTesting

/// A git repository on this machine with files of the test's own.
struct TestRepository: Sendable {
    let path: String
    var url: String { "file://\(path)" }
    private let git: String

    init(_ files: [String: String]) async throws {
        path = try TemporaryDirectory.make(prefix: "mesh-repository")
        git = try Programs.find("git")
        try await run("init", "--quiet", "--initial-branch=main")
        for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
    }

    /// Commits what there is, even if nothing has changed; gives the commit.
    func commit(_ message: String) async throws -> String {
        try await run("add", "--all")
        try await run("commit", "--quiet", "--allow-empty", "--message", message)
        return try await run("rev-parse", "HEAD").split(separator: "\n").first.map(String.init) ?? ""
    }

    @discardableResult
    private func run(_ arguments: String...) async throws -> String {
        var environment = Programs.environment
        environment.merge([
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        ]) { $1 }
        let answer = try await Programs.run(git, ["-C", path] + arguments, environment: environment, log: path + ".log")
        guard answer.status == .exited(0) else { throw MeshUnderTest.NotStarted(description: "git \(arguments): \(answer.text)") }
        return answer.text
    }
}
