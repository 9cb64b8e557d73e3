import MeshTesting
import Testing

@testable import Envelopes

@Suite struct TextPatternTests {
    @Test(arguments: [
        ("^[0-9a-f]{40}$", String(repeating: "a", count: 40), true), ("^[0-9a-f]{40}$", String(repeating: "a", count: 41), false),
        ("a.c", "xxabcxx", true),
        ("a.c", "a\nc", false), ("^a|b$", "xb", true), ("^(a|b)$", "xb", false), ("^(?:ab)+$", "ababab", true), ("^(?:ab)+$", "aba", false),
        ("^\\d{3}-\\w+$", "123-a_9", true), ("^[^/]+/[^/]+$", "a/b", true), ("^[^/]+/[^/]+$", "a//b", false), ("", "anything", true),
        ("^$", "", true),
        ("^$", "a", false), ("^[a-z][a-z0-9_.-]*$", "build.completed", true), ("^.{1,3}$", "日本語", true), ("^.{1,3}$", "日本語x", false),
        ("^[\\w.-]+$", "a.b-c", true),
        ("^a{0}$", "", true), ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false), ("^v?(0|[1-9]\\d*)\\.\\d+$", "v1.20", true),
        ("\\$\\{", "x${y", true),
        ("^[日-語]$", "本", true), ("^\\D$", "7", false), ("^(a|ab)(c|bcd)$", "abcd", true), ("x*$", "", true),
    ])
    func matches(source: String, text: String, expected: Bool) throws { #expect(try TextPattern(source).matches(text) == expected) }

    @Test(arguments: [
        "(", ")", "[", "[z-a]", "a{", "a{2,1}", "*a", "a**", "\\", "\\q", "(?=a)", "^*", "a{5000}", "(?<n>a)", "\\1", "((a{1000}){1000})",
    ])
    func refuses(source: String) { #expect(throws: TextPatternError.self) { try TextPattern(source) } }

    @Test func noTextCrashesItAndTimeIsLinear() throws {
        var generator = SeededGenerator(seed: 4)
        let signs = Array("ab^$.*+?{}()[]|\\d1,-")
        var legal = 0
        for _ in 0..<5000 {
            let source = String((0..<Int.random(in: 1...12, using: &generator)).map { _ in signs.randomElement(using: &generator) ?? "a" })
            do {
                let pattern = try TextPattern(source)
                legal += 1
                for text in ["", "a", "ab1,", "aaab"] { _ = pattern.matches(text) }
            } catch {}
        }
        #expect(legal > 500)
        let worst = try TextPattern("^(a|aa|a?)+$")
        #expect(!worst.matches(String(repeating: "a", count: 20_000) + "b"))
    }
}
