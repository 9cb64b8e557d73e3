import MeshTesting
import Testing

@testable import Envelopes

@Suite struct JSONTests {
    @Test func readsEveryKindOfValue() throws {
        let value = try JSONValue.parse(
            #" {"n":null,"t":true,"f":false,"i":-9223372036854775808,"u":18446744073709551615,"d":1.5,"s":"a\u0062\n","a":[1,[]],"o":{}} "#)
        #expect(
            value
                == .object([
                    "n": .null, "t": .bool(true), "f": .bool(false), "i": .integer(.min), "u": .double(18_446_744_073_709_551_616),
                    "d": .double(1.5),
                    "s": .string("ab\n"), "a": .array([.integer(1), .array([])]), "o": .object([:]),
                ]))
        #expect(try JSONValue.parse("7") == .integer(7))
        #expect(try JSONValue.parse("\"\"") == .string(""))
    }

    @Test(arguments: [
        ("", JSONError.Code.notJSON), ("  ", .notJSON), ("{", .notJSON), ("{}{}", .notJSON), ("{\"a\":1,}", .notJSON), ("nul", .notJSON),
        ("01", .notJSON),
        ("\"\\x\"", .notJSON), ("\"\u{1}\"", .notJSON), ("123456789012345678901234567890", .notJSON), ("{\"a\":1,\"a\":2}", .duplicateKey),
        ("[{\"b\":{\"a\":1,\"\\u0061\":2}}]", .duplicateKey), ("'a'", .notJSON), ("\u{feff}{}", .notJSON),
    ])
    func refuses(text: String, code: JSONError.Code) {
        #expect(throws: JSONError.self) { try JSONValue.parse(text) }
        do { _ = try JSONValue.parse(text) } catch { #expect(error.code == code) }
    }

    @Test func invalidUTF8IsToldApart() {
        do { _ = try JSONValue.parse([0x22, 0xff, 0x22]) } catch { #expect(error.code == .invalidUTF8) }
        do { _ = try JSONValue.parse([0x22, 0xed, 0xa0, 0x80, 0x22]) } catch { #expect(error.code == .invalidUTF8) }
    }

    @Test func depthIsLimitedExactly() throws {
        let deepest = JSONLimits.maximumDepth
        _ = try JSONValue.parse(String(repeating: "[", count: deepest) + "1" + String(repeating: "]", count: deepest))
        do {
            _ = try JSONValue.parse(String(repeating: "[", count: deepest + 1) + "1" + String(repeating: "]", count: deepest + 1))
            Issue.record("too deep a text was read")
        } catch { #expect(error.code == .tooDeep) }
        do { _ = try JSONValue.parse(String(repeating: "{\"a\":", count: 100_000) + "1" + String(repeating: "}", count: 100_000)) } catch {
            #expect(error.code == .tooDeep)
        }
    }

    /// Names of one length that begin alike are told apart, and what stands twice among them is found wherever it stands.
    @Test(arguments: [2, 3, 23, 24, 25, 60]) func namesThatLookAlikeAreTold(_ count: Int) throws {
        func object(_ names: [String]) -> [UInt8] {
            Array("{\(names.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ","))}".utf8)
        }
        for stem in ["artifact", "", "ab"] {
            let names = (0..<count).map { "\(stem)\($0 + 10)" }
            _ = try JSONValue.parse(object(names))
            for place in [0, count / 2, count - 1] {
                for spelled in [names[place], "\\u00\(String(names[place].utf8.first!, radix: 16))\(names[place].dropFirst())"] {
                    let error = #expect(throws: JSONError.self) { try JSONValue.parse(object(names + [spelled])) }
                    #expect(error?.code == .duplicateKey, "\(spelled)")
                }
            }
        }
    }

    @Test func duplicateNamesAreFoundInLargeObjects() throws {
        var members = (0..<5000).map { "\"key\($0)\":\($0)" }
        _ = try JSONValue.parse("{" + members.joined(separator: ",") + "}")
        members.append("\"key17\":0")
        do {
            _ = try JSONValue.parse("{" + members.joined(separator: ",") + "}")
            Issue.record("a duplicate was read")
        } catch { #expect(error.code == .duplicateKey) }
        // Equal only by canonical equivalence: two names.
        _ = try JSONValue.parse("{\"\u{e9}\":1,\"e\u{301}\":2}")
    }

    @Test(arguments: UInt64(1)...40) func itIsKnownWhereEachMemberStands(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var members: [String: JSONValue] = [:]
        for number in 0..<8 { members["\(number)\(generator.text())"] = generator.json() }
        // Spaces between what stands in it, and none of them structural.
        let bytes = Array(JSONValue.object(members).jsonText.replacing("\":", with: "\" : ").utf8) + [0x20]
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        let parts = try bytes.withUnsafeBufferPointer { bytes in
            let document = try parser.parse(bytes)
            return JSONMembers(document.root).enumerated().filter { [.object, .array].contains($0.element.value.kind) }.map {
                place, member in
                (member.name.text, Array(bytes[document.rangeOfMember(place, in: bytes)]))
            }
        }
        #expect(parts.count == members.values.count { $0.isContainer })
        for (name, text) in parts { #expect(try JSONValue.parse(text) == members[name]) }
    }

    @Test func whatLooksLikeStructureInATextIsNone() throws {
        let bytes = Array(#"{"a":"}]\":{,","b":{},"c":-1.5e3,"d":[[],{"]":"["}],"p":{"x":"\\\"}"},"z":true}"#.utf8)
        let parser = JSONParser.take()
        defer { JSONParser.giveBack(parser) }
        try bytes.withUnsafeBufferPointer { bytes in
            let document = try parser.parse(bytes)
            let texts = [1, 3, 4].map { String(decoding: bytes[document.rangeOfMember($0, in: bytes)], as: UTF8.self) }
            #expect(texts == ["{}", #"[[],{"]":"["}]"#, #"{"x":"\\\"}"}"#])
        }
    }

    @Test func aParserIsNobodyElsesUntilItIsGivenBack() {
        let first = JSONParser.take()
        let second = JSONParser.take()
        #expect(first !== second)
        JSONParser.giveBack(first)
        JSONParser.giveBack(second)
        let again = JSONParser.take()
        #expect(again === first)
        JSONParser.giveBack(again)
    }

    @Test func aNameIsNotTakenForItsPrefix() throws {
        let value = try JSONValue.parse(#"{"":1,"a":2,"ab":3,"abc":4,"abcd":5,"abcde":6,"abcdf":7}"#)
        #expect(value.object?.count == 7)
    }

    @Test func bytesAreStableAndReadBack() throws {
        #expect(JSONValue.object(["b": .integer(1), "a": .string("x\"\\\n\u{1f}é")]).jsonText == #"{"a":"x\"\\\n\u001fé","b":1}"#)
        #expect(JSONValue.double(.infinity).jsonText == "null")
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<3000 {
            let value = generator.json()
            #expect(try JSONValue.parse(value.bytes) == value)
        }
    }

    @Test func noBytesCrashTheParser() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<5000 {
            let bytes = generator.mutated(generator.json().bytes)
            do { #expect(try JSONValue.parse(JSONValue.parse(bytes).bytes) == JSONValue.parse(bytes)) } catch {}
        }
    }
}

extension JSONValue {
    fileprivate var isContainer: Bool {
        switch self {
        case .object, .array: true
        default: false
        }
    }
}
