import BotKit
import MeshTesting
import Testing

@Suite struct RegularExpressionTests {
    @Test(arguments: [
        ("abc", "xabcx", true), ("^abc$", "xabc", false), ("a|b", "zb", true), ("^(a|b)+$", "abba", true), ("^a{2,3}$", "aaaa", false),
        ("^a{2,3}$", "aaa", true),
        ("^a{2,}$", "aaaaa", true), ("^[^0-9]+$", "a1", false), ("^[\\w.-]+@[a-z]+\\.[a-z]{2,}$", "me.x@site.org", true),
        ("\\bfix\\b", "a fix here", true),
        ("\\bfix\\b", "prefixed", false), ("(?i)HELLO", "say hello", true), ("^$", "", true), ("", "anything", true),
        ("a.c", "a\nc", false), ("^\\s*$", " \t\n", true),
        ("[]a]", "]", true), ("[a-]", "-", true), ("é+", "caféé", true), ("(?:ab)*c", "ababc", true), ("a*?b", "aab", true),
        ("\\D", "1", false), ("[\\d-]x", "-x", true),
        ("^(a?){20}a{20}$", "aaaaaaaaaaaaaaaaaaaa", true), ("x{0}y", "y", true), ("^(|a)+$", "aaa", true), ("\\.", "a", false),
    ]) func matching(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try RegularExpression(parsing: pattern).matches(text) == expected, "\(pattern)")
    }

    @Test(arguments: ["(", ")", "[a", "*a", "a**", "\\", "\\q", "a{2", "a{3,2}", "(?=a)", "[z-a]", "(a{40}){40}", "{2}", "a{99999}"])
    func refused(_ pattern: String) {
        #expect(throws: LanguageError.self) { try RegularExpression(parsing: pattern) }
    }

    @Test func takesLinearTime() throws {
        let text = String(repeating: "a", count: 20_000) + "b"
        let nested = try RegularExpression(parsing: "^(a+)+$")
        let doubled = try RegularExpression(parsing: "^(a|a)*c$")
        let time = ContinuousClock().measure { #expect(!nested.matches(text) && !doubled.matches(text)) }
        #expect(time < .seconds(60))
        _ = try RegularExpression(parsing: String(repeating: "(", count: 20) + String(repeating: "){900}", count: 20))
    }

    @Test func fuzz() {
        var random = SeededGenerator(seed: 2)
        let pieces = ["a", "b", "(", ")", "[", "]", "*", "+", "?", "{2}", "{1,}", "|", "^", "$", "\\", "\\d", "-", ".", "(?:", "é"]
        for _ in 0..<8000 {
            let pattern = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            do throws(LanguageError) {
                _ = try RegularExpression(parsing: pattern).matches("abba1é")
            } catch {
                #expect(error.column >= 1)
            }
        }
    }
}
