import BotKit
import Envelopes
import MeshTesting
import Testing

@Suite struct SmallLanguageTests {
    @Test(arguments: [
        ("build.completed", "build.completed", true), ("build.*", "build.completed", true), ("build.*", "build", false),
        ("build.*", "build.a.b", false),
        ("#", "build.completed", true), ("#", "x", true), ("build.#", "build", true), ("build.#", "build.a.b.c", true),
        ("#.failed", "deploy.failed", true),
        ("*.failed", "deploy.failed", true), ("a.#.b", "a.b", true), ("a.#.b", "a.x.y.b", true), ("a.#.b", "a.x.y", false),
        ("#.#", "a", true), ("*", "a.b", false),
    ]) func patterns(_ pattern: String, _ type: String, _ expected: Bool) throws {
        #expect(try EventPattern(parsing: pattern).matches(EventType(type)) == expected, "\(pattern) \(type)")
    }

    @Test(arguments: ["", "a..b", "build.comp*", "a b", "a.#x", ".a"]) func badPatterns(_ text: String) {
        #expect(throws: LanguageError.self) { try EventPattern(parsing: text) }
    }

    @Test(arguments: [
        ("2", 2000), ("500m", 500), ("0.5", 500), ("1.5Gi", 1_610_612_736_000), ("2Gi", 2_147_483_648_000), ("129M", 129_000_000_000),
        ("1e3", 1_000_000), ("1E", nil as Int64?),
        ("100n", 1), ("0", 0), (".5", 500), ("1k", 1_000_000), ("2E3", 2_000_000), ("5e-1", 500),
    ]) func quantities(_ text: String, _ thousandths: Int64?) {
        if let thousandths {
            #expect((try? Quantity(parsing: text))?.thousandths == thousandths, "\(text)")
        } else {
            #expect(throws: LanguageError.self) { try Quantity(parsing: text) }
        }
    }

    @Test(arguments: ["", "2GB", "Gi", "-1", "1 Gi", "2gi", "x", "1.2.3", "99999999999999999999"]) func badQuantities(_ text: String) {
        #expect(throws: LanguageError.self) { try Quantity(parsing: text) }
    }

    @Test func nearestUnit() {
        #expect {
            try Quantity(parsing: "2GiB")
        } throws: { "\($0)".contains("1:2: the unit 'GiB' is not known") && "\($0)".contains("nearest is 'Gi'") }
    }

    @Test func templates() throws {
        let payload: JSONValue = .object([
            "a": .string("x y"), "n": .integer(5), "d": .double(2), "o": .object(["k": .array([.bool(true), .null, .string("q\"\n")])]),
        ])
        func render(_ text: String, _ syntax: Template.Syntax = .both) throws -> String {
            try Template(parsing: text, syntax: syntax).render { payload[dotted: $0] }
        }
        #expect(try render("<${a}> {{ n }} ${d} ${missing}.") == "<x y> 5 2 .")
        #expect(try render("${o} ${o.k.0}") == "{\"k\":[true,null,\"q\\\"\\n\"]} true")
        #expect(try render("{{a}} ${a}", .dollar) == "{{a}} x y")
        #expect(try render("$${a} $5 }}") == "${a} $5 }}")
        #expect(try Template(parsing: "${a.b}", syntax: .dollar).soleName == "a.b")
        #expect(try Template(parsing: "x${a}", syntax: .dollar).soleName == nil)
        for bad in ["${a", "${}", "{{a b}}", "x ${a:-b}"] {
            #expect(throws: LanguageError.self) { try Template(parsing: bad, syntax: .both) }
        }
        #expect {
            try Template(parsing: "one\n two ${a!}", syntax: .both)
        } throws: { "\($0)".hasPrefix("2:6: 'a!' is no name") }
    }

    @Test func templateFuzz() {
        var random = SeededGenerator(seed: 4)
        let pieces = ["$", "{", "}", "{{", "}}", "${", "a", ".", "-", " ", "\n", "é", "$${", "'", "\"", "\\", "sh", " -c "]
        for _ in 0..<8000 {
            let text = (0..<Int.random(in: 0...14, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            _ = (try? Template(parsing: text, syntax: .both))?.render { _ in .string("v") }
            _ = (try? CommandTemplate(parsing: text))?.resolve { _ in .string("v") }
        }
    }
}
