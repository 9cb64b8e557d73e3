import Envelopes
import MeshTesting
import Testing

@testable import Topology

@Suite struct YAMLTests {
    private func parse(_ text: String) throws(YAMLError) -> YAMLNode { try YAML.parse(text, file: "f.yaml") }

    private func message(_ text: String) -> String {
        do throws(YAMLError) {
            _ = try parse(text)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test func coreSchema() throws {
        let cases: [(String, JSONValue)] = [
            ("", .null), ("~", .null), ("null", .null), ("true", .bool(true)), ("False", .bool(false)), ("yes", .string("yes")),
            ("5", .integer(5)), ("-7", .integer(-7)), ("+7", .integer(7)), ("007", .integer(7)), ("0x1F", .integer(31)),
            ("0o17", .integer(15)),
            ("1.5", .double(1.5)), (".5", .double(0.5)), ("5.", .double(5)), ("1e3", .double(1000)), ("1e", .string("1e")),
            ("2.1.0", .string("2.1.0")), ("'5'", .string("5")), ("\"a\\tb\"", .string("a\tb")), ("!!str 5", .string("5")),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("-", .array([.null])), ("- .", .array([.string(".")])),
            ("0 */2 * * *", .string("0 */2 * * *")),
        ]
        for (text, value) in cases { #expect(try parse(text).json == value, "\(text)") }
    }

    @Test func placesAndOrder() throws {
        let node = try parse("bot:\n  name: Ä\nlist: [1, {b: 2, a: 3}]\ntext: |\n  one\n  two\n")
        #expect(node.pairs?.map(\.key) == ["bot", "list", "text"])
        #expect(node["bot"]?["name"]?.position == SourcePosition(file: "f.yaml", line: 2, column: 9))
        #expect(node["list"]?.sequence?[1]["a"]?.position.description == "f.yaml:3:21")
        #expect(node["list"]?.sequence?[1].pairs?.map(\.key) == ["b", "a"])
        #expect(node["text"]?.scalar?.style == .literal)
        #expect(node["text"]?.string == "one\ntwo\n")
    }

    @Test func aliases() throws {
        let node = try parse("a: &x {k: [1, 2]}\nb: *x\n")
        #expect(node["a"]?.json == node["b"]?.json)
        #expect(node["b"]?.position.line == 2)
        #expect(message("a: *x") == "f.yaml:1:4: the alias *x has no anchor &x before it")
        #expect(message("a: &x [*x]").contains("has no anchor"))
    }

    @Test func mistakesHavePlaces() {
        #expect(message("a: 1\nb: 2\na: 3") == "f.yaml:3:1: the key 'a' stands twice; the first is in line 1")
        #expect(message("a: [1, 2").hasPrefix("f.yaml:"))
        #expect(message("a:\n\t- b").hasPrefix("f.yaml:2:1: not YAML: "))
        #expect(message("a: \u{1}").hasPrefix("f.yaml:1:4: not YAML: control characters"))
        #expect(message("a\n---\nb") == "f.yaml:2:1: a second document; one file holds one document")
        #expect(message("a: .inf").hasPrefix("f.yaml:1:4: '.inf' is no number"))
        #expect(message("a: !python/object x").hasPrefix("f.yaml:1:4: the tag '!python/object'"))
        #expect(message("[a]: 1") == "f.yaml:1:1: a key is a list, expected a name")
        let (node, errors) = YAML.read("a: 1\na: 2\nb: !x 3\nc: 4", file: "f.yaml")
        #expect(errors.count == 2 && node?["c"]?.integer == 4)
        #expect(YAML.read(bytes: [0xFF, 0xFE, 0xFD], file: "f").errors.count == 1)
    }

    @Test func bombsAreBounded() {
        var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1..<30 {
            bomb += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
        }
        #expect(message(bomb).contains("more than 100000 nodes"))
        #expect(message(String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)).contains("nested deeper than 64"))
        #expect(message(String(repeating: "x", count: YAML.maximumBytes + 1)).contains("bytes; at most"))
        var deep = "a0: &a0 [x]\n"
        for level in 1..<80 { deep += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(message(deep).contains("nested deeper than 64"))
    }

    @Test func fuzz() {
        var random = SeededGenerator(seed: 0xB07)
        let pieces = [
            "a", "b", ":", " ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", "\"", "&x ", "*x", "!t ", "|", ">", "#", "? ", "---\n",
            "...", "1", "0x",
            "é", "\t", "%YAML 1.2\n", "\u{FEFF}", "\\u0", "<<", "~",
        ]
        for _ in 0..<6000 {
            let text = (0..<Int.random(in: 0...30, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let (node, errors) = YAML.read(text, file: "fuzz")
            #expect(node != nil || !errors.isEmpty)
            for error in errors { #expect(error.position.line >= 1 && error.position.column >= 1) }
        }
    }
}
