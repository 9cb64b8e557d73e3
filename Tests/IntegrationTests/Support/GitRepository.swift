import FoundationEssentials
import MeshTesting

/// A git repository for a mesh to build.
struct GitRepository {
    let path: String
    var url: String { "file://" + path }

    /// Makes one below `directory` with these files in its first commit.
    init(_ directory: String, files: [String: String]) async throws {
        path = directory + "/repository-\(UInt32.random(in: 0 ... .max))"
        for (name, text) in files {
            let file = URL(filePath: "\(path)/\(name)")
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try await git("init", "-q", "-b", "main")
        try await git("add", "-A")
        try await git("commit", "-q", "-m", "first")
    }

    @discardableResult
    func git(_ arguments: String...) async throws -> String {
        let settings = ["-C", path, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
        let answer = try await Programs.run(
            Programs.find("git"), settings + arguments, environment: ["PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null"],
            log: path + ".git.log")
        guard answer.status == .exited(0) else { throw MeshUnderTest.NotStarted(description: "git \(arguments): \(answer.text)") }
        return answer.text.split(separator: "\n").last.map(String.init) ?? ""
    }

    func head() async throws -> String { try await git("rev-parse", "HEAD") }

    /// The line that the README gives to kcat.
    func committed(_ commit: String) -> String {
        "{\"payload\": {\"repository\": \"\(url)\", \"commit\": \"\(commit)\", \"branch\": \"main\", \"author\": \"Ann\", \"message\": \"first\"}}"
    }
}
