import Envelopes
import MeshTesting
import Testing

@testable import Calls

@Suite struct LockFileTests {
    static let npm3 = """
        {"name":"shop","lockfileVersion":3,"packages":{"":{"name":"shop","version":"1.0.0"},
        "node_modules/lodash":{"version":"4.17.20"},"node_modules/a/node_modules/@scope/b":{"version":"1.2.3","dev":true},
        "node_modules/alias":{"name":"real","version":"2.0.0"},"packages/own":{"version":"0.1.0"},
        "node_modules/own":{"resolved":"packages/own","link":true},"node_modules/g":{"version":"git+ssh://x#1"}}}
        """
    static let cargo = """
        version = 3

        [[package]]
        name = "shop"
        version = "0.1.0"
        dependencies = [
         "time",
        ]

        [[package]]
        name = "time"
        version = "0.1.43"
        source = "registry+https://github.com/rust-lang/crates.io-index"
        checksum = "aa"

        [[package]]
        name = "forked"
        version = "1.0.0"
        source = "git+https://x/y?rev=1#2"
        """
    static let poetry = """
        [[package]]
        name = "PyYAML"
        version = "5.3"
        description = \"\"\"
        [[package]]
        name = "not-one"
        \"\"\"
        files = [
            {file = "a.whl", hash = "sha256:1"},
        ]

        [package.dependencies]
        version = "9"

        [[package]]
        name = "local"
        version = "1"

        [package.source]
        type = "directory"
        url = "../local"
        """
    static let requirements = """
        # comment
        requests[socks]==2.30.0 ; python_version > "3" \\
            --hash=sha256:1
        flask>=2
        -r other.txt
        Django === 4.2.1  # why
        numpy==1.*
        git+https://x/y@1==2
        """
    static let goMod = """
        module example.com/shop

        go 1.21

        require (
        \tgolang.org/x/text v0.3.7 // indirect
        \tgithub.com/a/b v1.2.3+incompatible
        )
        require github.com/c/d v0.0.0-20200101000000-abcdefabcdef
        replace github.com/a/b => github.com/fork/b v1.2.4
        replace github.com/c/d v0.0.0-20200101000000-abcdefabcdef => ../d
        """
    static let goSum = """
        golang.org/x/text v0.3.7 h1:x=
        golang.org/x/text v0.3.7/go.mod h1:x=
        golang.org/x/text v0.3.10 h1:x=
        golang.org/x/net v0.1.0/go.mod h1:x=
        """
    static let pipfile =
        #"{"_meta":{"hash":{"sha256":"1"}},"default":{"requests":{"version":"==2.30.0"},"x":{"git":"y"}},"develop":{"a_b":{"version":"==1"}}}"#

    private func read(_ path: String, _ text: String) throws -> [String] {
        try LockFile.parse(path: path, text: Array(text.utf8)).map(\.packageURL)
    }

    @Test func npm() throws {
        #expect(
            try read("web/package-lock.json", Self.npm3) == ["pkg:npm/%40scope/b@1.2.3", "pkg:npm/lodash@4.17.20", "pkg:npm/real@2.0.0"])
        let old =
            #"{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0","dependencies":{"b":{"version":"2.0.0"}}},"c":{"version":"npm:@x/y@3.0.0"},"d":{"version":"file:../d"}}}"#
        #expect(try read("package-lock.json", old) == ["pkg:npm/%40x/y@3.0.0", "pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"])
    }

    @Test func cargo() throws { #expect(try read("Cargo.lock", Self.cargo) == ["pkg:cargo/time@0.1.43"]) }

    @Test func python() throws {
        #expect(try read("poetry.lock", Self.poetry) == ["pkg:pypi/pyyaml@5.3"])
        #expect(try read("requirements-dev.txt", Self.requirements) == ["pkg:pypi/django@4.2.1", "pkg:pypi/requests@2.30.0"])
        #expect(try read("Pipfile.lock", Self.pipfile) == ["pkg:pypi/a-b@1", "pkg:pypi/requests@2.30.0"])
        let uv =
            "[[package]]\nname = \"shop\"\nversion = \"0.1\"\nsource = { virtual = \".\" }\n[[package]]\nname = \"idna\"\nversion = \"3.4\"\nsource = { registry = \"https://pypi.org/simple\" }\n"
        #expect(try read("uv.lock", uv) == ["pkg:pypi/idna@3.4"])
    }

    @Test func go() throws {
        #expect(try read("go.mod", Self.goMod) == ["pkg:golang/github.com/fork/b@1.2.4", "pkg:golang/golang.org/x/text@0.3.7"])
        #expect(try read("go.sum", Self.goSum) == ["pkg:golang/golang.org/x/text@0.3.10"])
    }

    @Test func linesAreKept() throws {
        #expect(try LockFile.parse(path: "requirements.txt", text: Array(Self.requirements.utf8)).map(\.line) == [6, 2])
    }

    @Test func whatIsNoLockFileIsAnError() {
        for text in ["", "[]", "{", "{\"packages\": 3", "null"] {
            #expect(throws: LockFileError.self) { try LockFile.parse(path: "package-lock.json", text: Array(text.utf8)) }
        }
        #expect(!LockFile.isKnown(path: "package.json") && !LockFile.isKnown(path: "requirements.md"))
    }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 6)
        let samples = [
            ("package-lock.json", Self.npm3), ("Cargo.lock", Self.cargo), ("poetry.lock", Self.poetry), ("go.mod", Self.goMod),
            ("requirements.txt", Self.requirements), ("go.sum", Self.goSum), ("Pipfile.lock", Self.pipfile),
        ].map { ($0.0, Array($0.1.utf8)) }
        for round in 0..<2100 {
            let (path, text) = samples[round % samples.count]
            do { _ = try LockFile.parse(path: path, text: random.mutated(text)) } catch {}
        }
    }
}

@Suite struct VersionTests {
    /// The order of semver.org, section 11, and of what registries add to it.
    @Test func semanticVersionsAreInOrder() throws {
        let ordered = [
            "0.0.0-20200101000000-abcdefabcdef", "0.0.1", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
            "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "v1.10.0+incompatible", "99999999999999999999999.0.0",
        ]
        let versions = try ordered.map { try #require(SemanticVersion($0), "\($0)") }
        for (left, right) in zip(versions, versions.dropFirst()) { #expect(left < right && !(right < left)) }
        #expect(SemanticVersion("1") == SemanticVersion("1.0.0+build"))
        for text in ["", "x", "1..2", "1.a", "-1", "1.2.3.4.5"] { #expect(SemanticVersion(text) == nil, "\(text)") }
    }

    /// The order of PEP 440, "Summary of permitted suffixes and relative ordering".
    @Test func pythonVersionsAreInOrder() throws {
        let ordered = [
            "1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456",
            "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0.post456.dev34", "1.0.post456",
            "1.0.15", "1.1.dev1", "2", "1!0.1",
        ]
        let versions = try ordered.map { try #require(PythonVersion($0), "\($0)") }
        for (index, left) in versions.enumerated() {
            for right in versions[(index + 1)...] { #expect(left < right && !(right < left)) }
        }
        for (left, right) in [("1.0", "1.0.0"), ("v1.0-ALPHA.1", "1a1"), ("1.0-1", "1.0.post1"), ("1.0c1", "1.0rc1"), ("1_0", "x")]
            .dropLast()
        {
            #expect(try #require(PythonVersion(left)) == #require(PythonVersion(right)), "\(left)")
        }
        for text in ["", "x", "1.0x", "1.0+", "1.0+a..b", "1!", "1.0 2"] { #expect(PythonVersion(text) == nil, "\(text)") }
    }

    @Test func anyTextIsAVersionOrNone() {
        var random = SeededGenerator(seed: 12)
        let alphabet = Array("0129.-+!abrcdevpost_x".utf8)
        for _ in 0..<4000 {
            let text = String(
                decoding: (0..<Int.random(in: 0...14, using: &random)).map { _ in alphabet.randomElement(using: &random)! }, as: UTF8.self)
            if let version = PythonVersion(text) { #expect(version == version && !(version < version)) }
            if let version = SemanticVersion(text) { #expect(version == version && !(version < version)) }
        }
    }
}

@Suite struct CVSSTests {
    /// Scores that first.org and nvd.nist.gov publish for these vectors.
    @Test(arguments: [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8), ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H", 7.2),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N", 6.1), ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0), ("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", 6.2),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.6), ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:N/A:N/E:P/RL:O", 5.0),
    ])
    func baseScores(_ vector: String, _ score: Double) { #expect(CVSS.baseScore(vector) == score) }

    @Test(arguments: [
        "", "CVSS:2.0/AV:N", "CVSS:3.1/AV:N", "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:4.0/AV:N",
    ])
    func otherVectorsHaveNone(_ vector: String) { #expect(CVSS.baseScore(vector) == nil) }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 1)
        let sample = Array("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H".utf8)
        for _ in 0..<3000 {
            if let score = CVSS.baseScore(String(decoding: random.mutated(sample), as: UTF8.self)) { #expect((0...10).contains(score)) }
        }
    }
}

@Suite struct OSVTests {
    private func record(_ affected: String, extra: String = "") throws -> OSVRecord {
        try #require(OSVRecord(try JSONValue.parse(#"{"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[\#(affected)]\#(extra)}"#)))
    }

    private func affected(_ ecosystem: String, _ type: String, _ events: String, versions: String = "[]") throws -> OSVRecord.Affected {
        let text =
            #"{"package":{"ecosystem":"\#(ecosystem)","name":"p"},"ranges":[{"type":"\#(type)","events":\#(events)}],"versions":\#(versions)}"#
        return try #require(try record(text).affected.first)
    }

    @Test func rangesAreHalfOpen() throws {
        let one = try affected(
            "npm", "SEMVER", #"[{"introduced":"1.0.0"},{"fixed":"1.2.6"},{"introduced":"2.0.0-rc.1"},{"last_affected":"2.3.0"}]"#)
        for version in ["1.0.0", "1.2.5", "2.0.0-rc.1", "2.3.0", "2.3.0-beta"] { #expect(one.contains(version), "\(version)") }
        for version in ["0.9.9", "1.0.0-rc.1", "1.2.6", "1.9.9", "2.3.1", "latest"] { #expect(!one.contains(version), "\(version)") }
        #expect(one.fix(for: "1.1.0") == "1.2.6" && one.fix(for: "2.1.0") == nil)
    }

    @Test func eventsMayStandInAnyOrder() throws {
        let one = try affected("PyPI", "ECOSYSTEM", #"[{"fixed":"2.31.0"},{"introduced":"0"}]"#)
        #expect(one.contains("0.dev1") && one.contains("2.31.0rc1") && !one.contains("2.31"))
    }

    @Test func limitsAndListedVersionsCount() throws {
        let one = try affected("Go", "SEMVER", #"[{"introduced":"0"},{"limit":"1.5.0"}]"#, versions: #"["9.9.9"]"#)
        #expect(one.contains("1.4.9") && !one.contains("1.5.0") && one.contains("9.9.9"))
        #expect(try !affected("npm", "GIT", #"[{"introduced":"0"}]"#).contains("1.0.0"))
    }

    @Test func severityComesFromTheVectorElseFromTheDatabase() throws {
        let place = #"{"package":{"ecosystem":"npm","name":"p"}}"#
        #expect(
            try record(
                place,
                extra:
                    #","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"LOW"}"#
            ).severity == .critical)
        #expect(
            try record(
                place, extra: #","severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N"}],"database_specific":{"severity":"MODERATE"}"#
            ).severity == .medium)
        #expect(try record(place).severity == .medium)
        #expect(OSVRecord(try JSONValue.parse(#"{"id":"X","withdrawn":"2024-01-01T00:00:00Z","affected":[\#(place)]}"#)) == nil)
        #expect(OSVRecord(try JSONValue.parse(#"{"id":"X","affected":[{"package":{"ecosystem":"Maven","name":"p"}}]}"#)) == nil)
    }

    @Test func theShippedSampleIsRead() async throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let dependencies = [
            Dependency(.npm, "lodash", "4.17.20", file: "package-lock.json"),
            Dependency(.npm, "lodash", "4.17.21", file: "b/package-lock.json"),
            Dependency(.python, "pyyaml", "5.3.1", file: "requirements.txt"), Dependency(.cargo, "time", "0.1.43", file: "Cargo.lock"),
            Dependency(.go, "golang.org/x/text", "0.3.7", file: "go.mod"), Dependency(.npm, "minimist", "0.2.4", file: "package-lock.json"),
        ]
        let database = OSVDatabase()
        for _ in 0..<2 {
            let answer = try database.matches(dependencies, directory: "/\(root)/deploy/osv", stop: StopFlag())
            #expect(answer.problems == [])
            #expect(
                answer.matches.map { "\($0.severity) \($0.record.id) \($0.dependency.packageURL) \($0.fix ?? "-")" } == [
                    "critical GHSA-8q59-q68h-6hv4 pkg:pypi/pyyaml@5.3.1 5.4", "high GO-2022-1059 pkg:golang/golang.org/x/text@0.3.7 0.3.8",
                    "high GHSA-35jh-r3h4-6jhm pkg:npm/lodash@4.17.20 4.17.21", "medium RUSTSEC-2020-0071 pkg:cargo/time@0.1.43 0.2.23",
                ])
        }
        #expect(throws: (any Error).self) { try database.matches([], directory: "/nowhere", stop: StopFlag()) }
    }

    @Test func anyRecordIsReadOrPassedOver() throws {
        var random = SeededGenerator(seed: 10)
        let sample = Array(
            #"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}],"versions":["1"]}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}]}"#
                .utf8)
        for _ in 0..<2000 {
            guard let json = try? JSONValue.parse(random.mutated(sample)) else { continue }
            _ = OSVRecord(json)?.affected.map { $0.contains("0.5.0") }
        }
    }
}
