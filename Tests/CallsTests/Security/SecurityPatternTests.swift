import MeshTesting
import Testing

@testable import Calls

@Suite struct BytePatternTests {
    @Test(arguments: [
        ("abc", "xxabcx", 2..<5), ("a+b", "caaab", 1..<5), ("[0-9]{2,3}", "a12345", 1..<4), ("(ab|a)c", "abac", 2..<4),
        ("a(b(c|d))?", "abd", 0..<3), (#"\d+\.\d*"#, "v1.25!", 1..<5), ("[^a-c]+", "abcxyz", 3..<6), ("x{0}y", "xy", 1..<2),
        ("a|ab|abc", "abcd", 0..<3), (#"[\w\-]+"#, " a-b_c ", 1..<6),
    ])
    func findsTheLongestMatch(_ pattern: String, _ text: String, _ expected: Range<Int>) throws {
        let bytes = Array(text.utf8)
        let pattern = try BytePattern(pattern)
        #expect(bytes.withUnsafeBufferPointer { pattern.firstMatch(in: $0, from: 0, limit: $0.count) } == expected)
    }

    @Test func ignoresCaseWhereAsked() throws {
        #expect(try BytePattern("pass[a-c]", ignoresCase: true).matchesWhole("PASSB"))
        #expect(try !BytePattern("pass").matchesWhole("PASS"))
    }

    @Test(arguments: ["(", ")", "[a", "a{", "a{2", "a{3,2}", "*a", "a{9999}", "[z-a]", "\\", #"\q"#])
    func refusesWhatIsWrittenWrong(_ pattern: String) {
        #expect(throws: PatternError.self) { try BytePattern(pattern) }
    }

    /// A backtracking matcher would not come back from this one.
    @Test func takesOneStepAByte() throws {
        let pattern = try BytePattern("(a*)*(a|aa)+b")
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 2000)
        #expect(text.withUnsafeBufferPointer { pattern.match(in: $0, at: 0, limit: $0.count) } == nil)
    }

    @Test func anyTextIsAPatternOrAnError() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("ab(|)[]{}*+?.\\-^0123,dw".utf8)
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            do {
                let pattern = try BytePattern(String(decoding: text, as: UTF8.self))
                _ = pattern.isFound(in: "abab01")
            } catch {}
        }
    }
}

@Suite struct KeywordIndexTests {
    @Test func findsWordsThatOverlap() {
        let index = KeywordIndex(["she", "he", "hers", "akia"])
        var found: [String] = []
        Array("uSHErs AKIA".utf8).withUnsafeBufferPointer { index.scan($0) { found.append("\($0)@\($1)") } }
        #expect(found == ["0@4", "1@4", "2@6", "3@11"])
    }

    /// The same as looking for each word alone.
    @Test func agreesWithAPlainSearch() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            let words = (0..<5).map { _ in
                String((0..<Int.random(in: 1...4, using: &random)).map { _ in "ab".randomElement(using: &random)! })
            }
            let text = (0..<60).map { _ in Array("abAB".utf8).randomElement(using: &random)! }
            var found = Set<String>()
            text.withUnsafeBufferPointer { KeywordIndex(words).scan($0) { found.insert("\($0)@\($1)") } }
            let lower = Array(String(decoding: text, as: UTF8.self).lowercased().utf8)
            var expected = Set<String>()
            for (number, word) in words.enumerated() {
                let word = Array(word.utf8)
                for end in word.count...lower.count where Array(lower[(end - word.count)..<end]) == word {
                    expected.insert("\(number)@\(end)")
                }
            }
            #expect(found == expected)
        }
    }
}

@Suite struct PathGlobTests {
    @Test(arguments: [
        ("*.py", "a/b.py", true), ("*.py", "a/b.pyc", false), ("tests/**", "tests/a/b", true), ("tests/*", "tests/a/b", false),
        ("**/fixtures/*.env", "fixtures/a.env", true), ("**/fixtures/*.env", "x/y/fixtures/a.env", true), ("a?c", "abc", true),
        ("docs/", "docs", false), ("**", "x/y", true), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true),
    ])
    func matches(_ glob: String, _ path: String, _ expected: Bool) { #expect(PathGlob(glob).matches(path) == expected) }

    @Test func aHostileGlobCostsNothing() {
        let glob = PathGlob(String(repeating: "**a", count: 200))
        #expect(!glob.matches(String(repeating: "a", count: 150) + "b"))
    }
}
