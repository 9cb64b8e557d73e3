import MeshTesting
import Testing

@testable import Calls

/// Secrets are put together here, so that no scanner takes this file's text for one.
enum SampleSecret {
    static let github = "ghp_" + "a8Kd93jLmQ0x7VbN2rTz5WyEuI1oPsFgHc4J"
    static let aws = "AKIA" + "Q3EGRM2ZT7KHWB5X"
    static let slack = "https://hooks.slack.com/" + "services/T03QX9ZKL/B04RY8WMN/x9Kd02LmQpVbN7rTz5WyEuI1"
    static let jwt = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
    static let key =
        "-----BEGIN RSA " + "PRIVATE KEY-----\n" + String(repeating: "MIIEowIBAAKCAQEAx7Vb9Kd2LmQ0pTz5WyEuI1oPsFgHc4JnRqX8\n", count: 8)
        + "-----END RSA PRIVATE KEY-----\n"
}

@Suite struct SecretScannerTests {
    private let scanner = SecretScanner()

    private func rules(_ text: String) -> [String] { scanner.scan(Array(text.utf8)).map(\.rule) }

    @Test func knownFormsAreFound() {
        #expect(rules("token = \(SampleSecret.github)\n") == ["github-token"])
        #expect(rules("aws: \(SampleSecret.aws)") == ["aws-access-key"])
        #expect(rules("curl \(SampleSecret.slack)") == ["slack-webhook"])
        #expect(rules("Authorization: Bearer \(SampleSecret.jwt)") == ["json-web-token"])
        #expect(rules("x\n\(SampleSecret.key)\ny") == ["private-key"])
        #expect(rules(#"{"private_key": "\#(SampleSecret.key.split(separator: "\n").joined(separator: #"\n"#))"}"#) == ["private-key"])
        #expect(rules("postgres://shop:v8Kd93jLmQ" + "@db.internal/shop") == ["url-password"])
        #expect(rules("password = \"v8Kd-93jLmQ0\"") == ["generic-secret"])
        #expect(rules("'apiKey': 'x9Kd02LmQpVbN7rTz5'") == ["generic-secret"])
        #expect(rules("DB_PASSWORD=x9Kd02LmQpVbN7rTz5\n") == ["environment-secret"])
        #expect(rules("aws_secret_access_key = x9Kd02LmQpVbN7rTz5WyEuI1oPsFgHc4JnRqX8aB\n") == ["aws-secret-key"])
    }

    @Test(arguments: [
        "password = \"${DB_PASSWORD}\"", "password: \"must not be empty\"", "password = \"changeme123\"", "token = \"your-token-1234\"",
        "https://user:password@host/", "https://user:$PASS1@host/", "AKIAIOSFODNN7EXAMPLE", "ghp_000000000000000000000000000000000000",
        "xghp_a8Kd93jLmQ0x7VbN2rTz5WyEuI1oPsFgHc4J", "let secretary = \"Anna 2 Berta\"", "http://localhost:8080/a@b", "PASSWORD=short1",
        "-----BEGIN PUBLIC KEY-----", "if line.contains(\"-----BEGIN RSA PRIVATE KEY-----\") { return true }",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "TOKEN=$(cat /run/token)\n",
    ])
    func whatIsNoSecretIsPassedOver(_ text: String) { #expect(rules(text) == []) }

    @Test func theLineIsNamedAndTheSecretIsNot() throws {
        let matches = scanner.scan(Array("one\ntwo\nkey = '\(SampleSecret.github)'\n".utf8))
        #expect(matches.map(\.line) == [3])
        let match = try #require(matches.first)
        #expect(match.fingerprint.count == 32 && !"\(match)".contains(SampleSecret.github.suffix(12)))
        let elsewhere = scanner.scan(Array("\n\n\n\n   \(SampleSecret.github)".utf8))
        #expect(elsewhere.first?.fingerprint == match.fingerprint, "the same secret, the same fingerprint")
        let other = scanner.scan(Array(SampleSecret.github.replacing("a8", with: "b8").utf8))
        #expect(other.first?.fingerprint != match.fingerprint)
    }

    @Test func longLinesAreScannedWhereKeywordsAre() {
        let filler = String(repeating: "x = 1; ", count: 20_000)
        #expect(rules("\(filler)\(SampleSecret.github) \(filler)\(SampleSecret.aws) \(filler)") == ["github-token", "aws-access-key"])
    }

    @Test func anyBytesAreScanned() {
        let scanner = SecretScanner(fingerprint: { _, _ in "" })
        var random = SeededGenerator(seed: 3)
        let samples = [SampleSecret.github, SampleSecret.key, SampleSecret.slack, "password = \"v8Kd-93jLmQ0\"", "a://b:c@d"].map {
            Array($0.utf8)
        }
        for _ in 0..<3000 { _ = scanner.scan(random.mutated(samples.randomElement(using: &random)!)) }
    }

    @Test func entropyIsShannons() {
        func entropy(_ text: String) -> Double {
            let bytes = Array(text.utf8)
            return bytes.withUnsafeBufferPointer { shannonEntropy($0, 0..<$0.count) }
        }
        #expect(entropy("aaaa") == 0 && entropy("abab") == 1 && entropy("abcd") == 2 && entropy("") == 0)
    }
}

@Suite struct SecretAllowListTests {
    private let print = String(repeating: "0123456789abcdef", count: 2)

    @Test func entriesCoverWhatFitsAllOfThem() {
        let list = SecretAllowList(
            parsing: Array("# known\n\(print)  # revoked\r\npath:tests/** rule:generic-secret\nfingerprint:\(print) path:a.py\n".utf8))
        #expect(list.problems == [])
        #expect(list.allows(rule: "github-token", path: "b.py", fingerprint: print))
        #expect(list.allows(rule: "generic-secret", path: "tests/x/y.py", fingerprint: "f"))
        #expect(!list.allows(rule: "github-token", path: "tests/x/y.py", fingerprint: "f"))
    }

    @Test func whatIsNotUnderstoodAllowsNothing() {
        let list = SecretAllowList(parsing: Array("path: *\nfingerprint:123\nrule:a nonsense\n\(print.uppercased())\n".utf8))
        #expect(list.problems.count == 4)
        #expect(!list.allows(rule: "a", path: "x", fingerprint: print))
    }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<2000 { _ = SecretAllowList(parsing: random.mutated(Array("path:tests/** rule:generic\n\(print)\n".utf8))) }
    }
}

@Suite struct CommitDiffTests {
    private let diff = """
        diff --git a/app.py b/app.py
        index 1..2 100644
        --- a/app.py
        +++ b/app.py
        @@ -2 +2,2 @@ def main():
        -old = 1
        +new = 1
        +more = 2
        @@ -10,0 +12 @@
        +--- not a header
        diff --git a/gone.txt b/gone.txt
        deleted file mode 100644
        --- a/gone.txt
        +++ /dev/null
        @@ -1,2 +0,0 @@
        -first
        -second
        \\ No newline at end of file

        """

    @Test func bothSidesAreRead() {
        let changes = CommitDiff(parsing: Array(diff.utf8)).changes
        #expect(
            changes.map { "\($0.path) \($0.isRemoval ? "-" : "+")\($0.firstLine) \(String(decoding: $0.text, as: UTF8.self))" } == [
                "app.py -2 old = 1\n", "app.py +2 new = 1\nmore = 2\n", "app.py +12 --- not a header\n", "gone.txt -1 first\nsecond\n",
            ])
    }

    @Test func anyTextIsRead() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<3000 { _ = CommitDiff(parsing: random.mutated(Array(diff.utf8))) }
        #expect(CommitDiff(parsing: Array("@@ -99999999999999999999 +1 @@\n+x".utf8)).changes.isEmpty)
    }
}
