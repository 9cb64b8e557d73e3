import BotKit
import Envelopes
import FoundationEssentials
import MeshTesting
import Testing

@testable import Calls

/// The whole scan, on a real repository and a real artifact.
@Suite struct SecurityScanTests {
    private let scratch: ScratchDirectory

    init() throws { scratch = try ScratchDirectory("botmesh-scan") }

    private func git(_ arguments: String...) async throws -> String {
        var environment = ChildCommand.plainEnvironment
        for (name, value) in [("NAME", "Ada"), ("EMAIL", "ada@host.example")] {
            environment["GIT_AUTHOR_\(name)"] = value
            environment["GIT_COMMITTER_\(name)"] = value
        }
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null"
        let result = try await ChildProcess.run(
            ChildCommand("git", arguments, environment: environment, directory: try scratch.directory("repository")))
        #expect(result.isSuccess, "git \(arguments): \(result.tail)")
        return result.tail.last ?? ""
    }

    /// Commits the files, given by name; nil removes one.
    private func commit(_ files: [String: String?]) async throws -> String {
        if !scratch.exists("repository/.git") { _ = try await git("init", "--quiet", "-b", "main") }
        for (name, text) in files {
            if let text {
                try scratch.write("repository/\(name)", text)
            } else {
                try FileManager.default.removeItem(atPath: "\(scratch.path)/repository/\(name)")
            }
        }
        _ = try await git("add", "--all")
        _ = try await git("commit", "--quiet", "-m", "x")
        return try await git("rev-parse", "HEAD")
    }

    private func request(
        _ commit: String, checks: [SecurityCheck] = SecurityCheck.allCases, ignored: [String] = [], excluded: [String] = [],
        allowed: [String] = ["file://"]
    ) async throws -> SecurityScanRequest {
        let file = "\(scratch.path)/packed-\(commit).tar.gz"
        try await Archive.pack("\(scratch.path)/repository", time: 0, format: .gzip, to: file)
        let artifact = try await DirectoryArtifactStore(directory: "\(scratch.path)/data/artifacts").put(file, format: .gzip)
        return SecurityScanRequest(
            repository: "file://\(scratch.path)/repository", commit: commit, artifact: artifact,
            settings: SecurityScanSettings(
                checks: checks, repositories: allowed, osvDirectory: "\(RepositoryFiles.root)/deploy/osv", ignored: ignored,
                excludedPaths: excluded))
    }

    private func scan(_ request: SecurityScanRequest) async throws -> SecurityScanResponse {
        let performer = SecurityScanPerformer(dataDirectory: "\(scratch.path)/data")
        let response = try await performer.perform(request, CallContext(idempotencyKey: "k", runID: "scan-1", correlationID: "c"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/data/workspaces").isEmpty, "the workspace is gone")
        return response
    }

    private func text(_ url: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: try #require(FileURL.path(url)))), as: UTF8.self)
    }

    @Test func everythingIsFoundAndNoSecretLeaves() async throws {
        let commit = try await commit([
            "app.py": "import os\ntoken = '\(SampleSecret.github)'\nos.system('ls ' + x)\n",
            "Dockerfile": "FROM debian\nUSER app\n", "web/package-lock.json": LockFileTests.npm3, "node_modules/x.js": "eval(a)\n",
            "data.bin": "\u{0}\(SampleSecret.aws)",
        ])
        let response = try await scan(try await request(commit))
        #expect(response.isComplete && response.notes == [])
        #expect(response.secrets.map { "\($0.rule) \($0.file):\($0.line)" } == ["github-token app.py:2"])
        #expect(response.staticCounts == FindingCounts(critical: 0, high: 0, medium: 1, low: 0))
        #expect(response.dockerfileCounts.medium == 1 && response.secretCounts.critical == 1)
        #expect(
            response.vulnerabilities.map { "\($0.id) \($0.severity.rawValue) \($0.fixedIn ?? "")" } == ["GHSA-35jh-r3h4-6jhm high 4.17.21"])
        let sarif = try text(response.sarifURL)
        let sbom = try text(response.sbomURL)
        #expect(sarif.contains("github-token") && sbom.contains("pkg:npm/lodash@4.17.20"))
        for report in [sarif, sbom, "\(response)"] { #expect(!report.contains(SampleSecret.github)) }
        let again = try await scan(try await request(commit))
        #expect(try text(again.sarifURL) == sarif && again.sarifURL == response.sarifURL, "a repeat gives the same")
    }

    @Test func aSecretThatTheCommitTookAwayIsFound() async throws {
        _ = try await commit(["config.ini": "key = '\(SampleSecret.github)'\n", "a.txt": "a\n"])
        let second = try await commit(["config.ini": nil])
        let response = try await scan(try await request(second, checks: [.secrets]))
        #expect(response.secrets.map { "\($0.rule) \($0.file):\($0.line)" } == ["github-token config.ini:1"])
        let third = try await commit(["a.txt": "b\n"])
        #expect(try await scan(try await request(third, checks: [.secrets])).secrets.isEmpty)
    }

    @Test func whatIsAllowedPasses() async throws {
        let found = try await scan(try await request(try await commit(["a.py": "t = '\(SampleSecret.github)'\n", "b.py": "eval(x)\n"])))
        let print = try #require(found.secrets.first?.fingerprint)
        let allowed = try await commit([SecretAllowList.fileName: "\(print)  # revoked on the day it leaked\nnonsense\n"])
        let response = try await scan(try await request(allowed, ignored: ["PY001"]))
        #expect(response.secrets.isEmpty && response.staticCounts == .none)
        #expect(response.notes.count == 1 && response.notes[0].hasPrefix(".botmesh-secrets-allow: line 2"))
        let excluded = try await scan(try await request(allowed, excluded: ["*.py"]))
        #expect(excluded.staticCounts == .none && excluded.secretCounts == .none)
    }

    @Test func aLinkOutOfTheTreeIsNotFollowed() async throws {
        try scratch.write("outside.py", "t = '\(SampleSecret.github)'\n")
        try scratch.write("repository/a.txt", "a\n")
        try FileManager.default.createSymbolicLink(atPath: "\(scratch.path)/repository/link.py", withDestinationPath: "a.txt")
        let commit = try await commit(["b.txt": "b\n"])
        #expect(try await scan(try await request(commit)).secretCounts == .none)
        let walk = try TreeWalk.files(below: "\(scratch.path)/repository", skipping: [".git"], stop: StopFlag())
        #expect(walk.files.map(\.path) == ["a.txt", "b.txt"])
        #expect(ScannedFile.read("\(scratch.path)/repository/link.py", limit: 10) == .unreadable)
    }

    @Test func aBrokenLockFileMakesTheScanIncomplete() async throws {
        let commit = try await commit(["package-lock.json": "{"])
        let response = try await scan(try await request(commit))
        #expect(!response.isComplete && response.notes.first?.hasPrefix("package-lock.json could not be read") == true)
    }

    @Test func whatCannotBeScannedIsAFailure() async throws {
        let commit = try await commit(["a.txt": "a\n"])
        func code(_ request: SecurityScanRequest) async throws -> String {
            do {
                _ = try await scan(request)
                return "none"
            } catch let failure as CallFailure {
                return failure.code
            }
        }
        #expect(try await code(try await request(commit, allowed: ["https://"])) == "repository-refused")
        var changed = try await request(commit)
        changed.artifact.sha256 = String(repeating: "0", count: 64)
        #expect(try await code(changed) == "digest-mismatch")
        var elsewhere = try await request(commit)
        elsewhere.artifact.url = "file:///etc/passwd"
        #expect(try await code(elsewhere) == "artifact-refused")
        var unknown = try await request(commit)
        unknown.commit = String(repeating: "1", count: 40)
        #expect(try await code(unknown) == "commit-not-found")
        for name in ["/../../x", "main", "abc"] {
            var escaping = try await request(commit, checks: [.static])
            escaping.commit = name
            #expect(try await code(escaping) == "commit-refused")
        }
        var database = try await request(commit)
        database.settings.osvDirectory = "/nowhere"
        #expect(try await code(database) == "directory-unreadable")
    }

    @Test func limitsAreSaid() async throws {
        for number in 0..<5 { try scratch.write("tree/\(number).txt", "a\n") }
        let walk = try TreeWalk.files(below: "\(scratch.path)/tree", limits: TreeLimits(files: 3), stop: StopFlag())
        #expect(walk.files.count == 3 && walk.problems == ["more than 3 files; the rest was not looked at"])
        try scratch.write("deep/a/b/c/x.txt", "a\n")
        #expect(try TreeWalk.files(below: "\(scratch.path)/deep", limits: TreeLimits(depth: 2), stop: StopFlag()).problems.count == 1)
        let stop = StopFlag()
        stop.set()
        #expect(throws: CallFailure.self) { try TreeWalk.files(below: "\(scratch.path)/tree", stop: stop) }
    }
}
