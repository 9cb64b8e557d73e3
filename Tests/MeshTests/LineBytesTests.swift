import Envelopes
import MeshTesting
import Terminal
import Testing

@testable import mesh

/// What looks at eight bytes at once says the same as a look at each.
@Suite struct PlainBytesTests {
    @Test func agreesWithALookAtEachByte() {
        var random = SeededGenerator(seed: 11)
        let odd: [UInt8] = [0x00, 0x0a, 0x0d, 0x1f, 0x20, 0x21, 0x22, 0x5c, 0x7e, 0x7f, 0x80, 0xc1, 0xc2, 0xc3, 0xff]
        for count in 0..<40 {
            for _ in 0..<200 {
                var bytes = (0..<count).map { _ in UInt8.random(in: 0x23...0x5b, using: &random) }
                if count > 0, Bool.random(using: &random) {
                    bytes[Int.random(in: 0..<count, using: &random)] = odd[Int.random(in: 0..<odd.count, using: &random)]
                }
                bytes.withUnsafeBufferPointer { text in
                    #expect(text.isPlainJSON == bytes.allSatisfy { $0 >= 0x20 && $0 < 0x80 && $0 != 0x22 && $0 != 0x5c })
                    #expect(text.isPlainASCII == bytes.allSatisfy { $0 >= 0x20 && $0 < 0x80 })
                    #expect(text.isSurelyPrintable == bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f && $0 != 0xc2 })
                    #expect(text.isOneLine == bytes.allSatisfy { $0 != 0x0a && $0 != 0x0d })
                }
            }
        }
    }
}

@Suite struct LineBuildingTests {
    @Test(arguments: ["plain", "", "a\"b\\c", "line\nend", "größe", "\u{7f}\u{1}", String(repeating: "x", count: 3_000)])
    func aJSONLineIsReadAsItWasWritten(text: String) throws {
        var line = JSONLine(expected: 16)
        line.member(text + "1", text)
        line.member("two", bytes: Array(text.utf8))
        line.member("three", raw: Array("[1,\n2]".utf8))
        line.member("four", -4)
        let bytes = line.finished()
        #expect(!bytes.contains(0x0a))
        let json = try JSONValue.parse(bytes)
        #expect(json[text + "1"] == .string(text) && json["two"] == .string(text))
        #expect(json["three"] == .array([.integer(1), .integer(2)]) && json["four"] == .integer(-4))
    }

    @Test func aTextLineIsPaddedColouredAndPrintable() {
        func text(_ isColoured: Bool) -> String {
            var line = TextLine(Style(isColoured: isColoured), expected: 4)
            line.add(.red, width: 4) { $0.add(12) }
            line.addPrintable { line in
                line.addWord("ü\u{1b}x")
                line.addWord("")
                line.pad(to: 2) { $0.add("long") }
            }
            return String(decoding: line.bytes, as: UTF8.self)
        }
        #expect(text(false) == "12   ü\\u{1b}xlong")
        #expect(text(true) == "\u{1b}[31m12  \u{1b}[0m ü\\u{1b}xlong")
    }
}
