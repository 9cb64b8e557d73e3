import BotKit
import Envelopes
import MeshTesting
import Testing

@Suite struct FilterTests {
    private let payload: JSONValue = .object([
        "branch": .string("release/1.2"), "status": .string("success"), "count": .integer(3), "ratio": .double(0.5), "ok": .bool(true),
        "no": .bool(false),
        "nothing": .null, "tags": .array([.string("a"), .integer(2)]),
        "artifact": .object(["url": .string("file:///x"), "size_bytes": .integer(10)]),
    ])

    private func matches(_ text: String) throws -> Bool { try Filter.parse(text).matches(payload) }

    private func error(_ text: String) -> String {
        do throws(FilterError) {
            _ = try Filter.parse(text)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        "branch in ['main', 'release/*'] && status == 'success'", "count == 3", "count == 3.0", "count >= 3 and ratio < 1", "ok", "!no",
        "not no", "missing == null",
        "nothing == null", "!missing", "artifact.size_bytes > 9", "tags contains 'a'", "tags contains 2", "branch contains 'ease'",
        "'a' in tags", "tags.0 == 'a'",
        "branch matches '^release/\\d+\\.\\d+$'", "branch not in ['main']", "(count < 2 || ok) && !(status != 'success')", "not count == 4",
        "artifact contains 'url'",
        "status > 'a'", "count in [1, 2, 3]", "null in [missing]", "true", "branch in ['*']", "count == -3 or count == 3e0", "not not ok",
        "status == \"success\"",
    ]) func holds(_ text: String) throws { #expect(try matches(text)) }

    @Test(arguments: [
        "branch in ['main', 'release']", "status == 'failed'", "missing > 1", "missing", "status > 3", "count == '3'", "tags contains 'b'",
        "branch matches '^main'",
        "missing matches '.*'", "artifact.url.deeper == 'x'", "false or no", "count in []", "status in ['SUCCESS']", "'*' in ['x']",
    ]) func holdsNot(_ text: String) throws { #expect(try !matches(text)) }

    @Test func errorsHaveAPlace() {
        #expect(error("branch = 'main'") == "1:8: '=' is not understood here; write '=='")
        #expect(error("branch == 'main") == "1:11: the string is not closed with '")
        #expect(
            error("branch contain 'x'") == "1:8: 'contain' is not understood here, expected '&&', '||' or the end; nearest is 'contains'")
        #expect(error("a == 1 AND b == 2") == "1:8: 'AND' is not understood here, expected '&&', '||' or the end; nearest is 'and'")
        #expect(error("a &&\n && b") == "2:2: '&&' is not understood here, expected a name, a value or '('")
        #expect(error("(a") == "1:3: the end is not understood here, expected ')' for the '(' in column 1")
        #expect(error("a in 'x'") == "1:6: a string is not understood here, expected a list such as ['main', 'release/*'] or a name")
        #expect(error("a matches '('").hasPrefix("1:12: regular expression: '(' is not closed"))
        #expect(error("a matches b").contains("a regular expression in quotes"))
        #expect(error("").contains("an empty filter"))
        #expect(error("!a == b").contains("two ways"))
        #expect(error(String(repeating: "(", count: 50) + "a").contains("nested deeper"))
        #expect(error(String(repeating: "x", count: 5000)).contains("longer than 4096"))
        #expect(error("1x").contains("no number"))
    }

    @Test func names() throws {
        #expect(try Filter.parse("a.b == 1 && c in [d, 'e'] or not f matches 'x'").names == ["a.b", "c", "d", "f"])
    }

    @Test func fuzz() {
        var random = SeededGenerator(seed: 1)
        let pieces = [
            "a", "b.c", " ", "==", "!=", "<", "in", "[", "]", ",", "'x*'", "\"", "(", ")", "&&", "||", "!", "not", "and", "contains",
            "matches", "'[a-z]+'", "12", "-1.5", "null",
            "true", "\n", "é", "=", "'",
        ]
        for _ in 0..<8000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined(
                separator: " ")
            do throws(FilterError) {
                _ = try Filter.parse(text).matches(payload)
            } catch {
                #expect(error.line >= 1 && error.column >= 1 && !error.message.isEmpty)
            }
        }
    }
}
