import Envelopes
import FoundationEssentials
import Testing

@testable import Calls

/// The files of the repository that tests need.
enum RepositoryFiles {
    static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    static let fixtures = "\(root)/Tests/Support/security"

    /// A Python that has deploy/requirements-test.txt.
    static var python: String { ProcessInfo.processInfo.environment["MESH_TEST_PYTHON"] ?? "\(root)/.venv/bin/python3" }
}

@Suite struct ReportTests {
    private let artifact = ArtifactReference(
        url: "file:///data/artifacts/a.tar.gz", sha256: String(repeating: "ab", count: 32), sizeBytes: 10, format: "tar.gz")

    private func findings() throws -> ScanFindings {
        var result = ScanFindings()
        let lodash = Dependency(.npm, "lodash", "4.17.20", file: "web/package-lock.json")
        let record = try #require(
            OSVRecord(
                try JSONValue.parse(
                    Array(try Data(contentsOf: URL(filePath: "\(RepositoryFiles.root)/deploy/osv/npm/GHSA-35jh-r3h4-6jhm.json"))))))
        result.dependencies = [Dependency(.npm, "@scope/b", "1.0.0", file: "web/package-lock.json"), lodash, lodash]
        result.matches = [OSVDatabase.Match(dependency: lodash, record: record, severity: .high, fix: "4.17.21")]
        result.add(
            Finding(
                check: .secrets, rule: "github-token", severity: .critical, message: "GitHub token", file: "a b.py", line: 3,
                fingerprint: "f1"))
        result.add(
            Finding(
                check: .static, rule: "PY001", severity: .high, message: "runs data as code", file: "app.py", line: 7, fingerprint: "f2"))
        result.add(
            Finding(
                check: .static, rule: "PY001", severity: .high, message: "runs data as code", file: "app.py", line: 9, fingerprint: "f3"))
        result.add(
            Finding(check: .dockerfile, rule: "DF009", severity: .low, message: "sudo", file: "Dockerfile", line: 1, fingerprint: "f4"))
        result.add(
            Finding(
                check: .dependencies, rule: record.id, severity: .high, message: "lodash 4.17.20", file: lodash.file, line: nil,
                fingerprint: "f5"))
        result.note("a file was too large")
        return result
    }

    /// Golden files. `MESH_UPDATE_GOLDEN=yes` writes them anew.
    private func compare(_ name: String, _ bytes: [UInt8]) throws {
        let file = URL(filePath: "\(RepositoryFiles.fixtures)/\(name)")
        if ProcessInfo.processInfo.environment["MESH_UPDATE_GOLDEN"] == "yes" { try Data(bytes + [0x0a]).write(to: file) }
        #expect(Array(try Data(contentsOf: file)) == bytes + [0x0a], "\(name): \(String(decoding: bytes, as: UTF8.self))")
    }

    @Test func theFormsAreStable() throws {
        let result = try findings()
        try compare("golden.sarif.json", SARIF.report(result, repository: "git@host.example:team/shop.git", commit: "abcdef1").bytes)
        try compare(
            "golden.cdx.json",
            CycloneDX.report(result, repository: "git@host.example:team/shop.git", commit: "abcdef1", artifact: artifact).bytes)
    }

    @Test func othersReadThem() async throws {
        try #require(
            FileManager.default.isExecutableFile(atPath: RepositoryFiles.python),
            "\(RepositoryFiles.python) is no Python; run deploy/bootstrap.sh --test, or name one in MESH_TEST_PYTHON")
        let result = try await ChildProcess.run(
            ChildCommand(
                RepositoryFiles.python,
                ["validate_reports.py", "golden.cdx.json", "golden.sarif.json"].map { "\(RepositoryFiles.fixtures)/\($0)" },
                limits: ChildLimits(time: .seconds(60))))
        #expect(result.isSuccess, "\(result.tail.joined(separator: "\n"))")
    }
}
