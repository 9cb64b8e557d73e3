import BotKit
import FoundationEssentials
import Testing

@testable import Calls

/// A git repository made on the spot.
struct TestRepository {
    let path: String
    var url: String { "file://" + path }

    init(_ scratch: ScratchDirectory, _ name: String = "repository") async throws {
        path = try scratch.directory(name)
        try await git("init", "-q", "-b", "main")
    }

    @discardableResult
    func git(_ arguments: String...) async throws -> String {
        let settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
        var environment = ChildCommand.plainEnvironment
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
        let result = try await ChildProcess.run(ChildCommand("git", settings + arguments, environment: environment, directory: path))
        #expect(result.isSuccess, "git \(arguments): \(result.tail)")
        return result.tail.last ?? ""
    }

    /// Writes the files and commits all; gives the hash.
    func commit(_ files: [String: String], _ message: String = "change") async throws -> String {
        for (name, text) in files {
            let file = URL(filePath: "\(path)/\(name)")
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try await git("add", "-A")
        try await git("commit", "-q", "--allow-empty", "-m", message)
        return try await git("rev-parse", "HEAD")
    }
}

/// Runs `body` and checks the code of the failure that it must end with.
func expectFailure(_ code: String, _ body: () async throws -> Void, _ location: SourceLocation = #_sourceLocation) async {
    do {
        try await body()
        Issue.record("expected \(code)", sourceLocation: location)
    } catch let failure as CallFailure {
        #expect(failure.code == code, "\(failure)", sourceLocation: location)
    } catch {
        Issue.record(error, sourceLocation: location)
    }
}
