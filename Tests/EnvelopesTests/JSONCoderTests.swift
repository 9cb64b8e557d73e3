import FoundationEssentials
import MeshTesting
import Testing

@testable import Envelopes

/// The coder writes and reads what Foundation's writes and reads.
@Suite struct JSONCoderTests {
    enum Colour: String, Codable, Equatable, CaseIterable { case red, green }

    struct Everything: Codable, Equatable {
        var yes: Bool
        var int: Int
        var small: Int8
        var large: UInt64
        var double: Double
        var float: Float
        var text: String
        var colour: Colour
        var missing: String?
        var list: [Int32?]
        var map: [String: [Double]]
        var value: JSONValue
        var duration: Duration
        var nested: [Everything]

        init(using random: inout SeededGenerator, depth: Int) {
            yes = .random(using: &random)
            int = .random(in: .min ... .max, using: &random)
            small = .random(in: .min ... .max, using: &random)
            large = .random(in: 0 ... .max, using: &random)
            double = [0, -1, 1.5, 1e300, 1e-7, 100, 0.1].randomElement(using: &random)! * (Bool.random(using: &random) ? 1 : 3)
            float = [0, 0.1, -2.5, 1000].randomElement(using: &random)!
            text = random.text()
            colour = Colour.allCases.randomElement(using: &random)!
            missing = Bool.random(using: &random) ? random.text() : nil
            list = (0..<Int.random(in: 0..<4, using: &random)).map { $0 % 2 == 0 ? Int32($0) : nil }
            map = [:]
            for number in 0..<Int.random(in: 0..<40, using: &random) { map["k\(number)"] = [Double(number), 0.5] }
            value = ["a": [1, 2.5, .null], "b": .string(random.text())]
            duration = .milliseconds(Int64.random(in: 0..<1_000_000, using: &random))
            nested = depth > 0 ? (0..<Int.random(in: 0..<3, using: &random)).map { _ in Everything(using: &random, depth: depth - 1) } : []
        }
    }

    @Test(arguments: 0..<60) func itIsFoundations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let value = Everything(using: &random, depth: 2)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let expected = Array(try encoder.encode(value))
        let written = try JSONCoder.bytes(value)
        #expect(String(decoding: written, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
        #expect(try JSONCoder.decode(Everything.self, from: expected) == value)
    }

    struct Point: Codable, Equatable {
        var x: Int
        var label: String?
    }

    @Test func whatFoundationTakesIsTaken() throws {
        for text in [#"{"x":1}"#, #"{"x":1.0,"label":null}"#, #"{"x":1e2,"label":"é\n","more":[{}]}"#, #"{"x":-0}"#] {
            #expect(
                try JSONCoder.decode(Point.self, from: Array(text.utf8)) == JSONDecoder().decode(Point.self, from: Data(text.utf8)),
                "\(text)")
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"x":null}"#, #"{"x":"1"}"#, #"{"x":1.5}"#, #"{"x":1,"label":2}"#, #"[]"#, #"{"x":99999999999999999999}"#, "{",
    ])
    func whatFoundationRefusesIsRefused(text: String) {
        #expect(throws: (any Error).self) { try JSONCoder.decode(Point.self, from: Array(text.utf8)) }
        #expect(throws: (any Error).self) { try JSONDecoder().decode(Point.self, from: Data(text.utf8)) }
    }

    @Test func anErrorNamesItsPlace() {
        do {
            _ = try JSONCoder.decode([String: [Point]].self, from: Array(#"{"points":[{"x":1},{"x":"no"}]}"#.utf8))
            Issue.record("it was taken")
        } catch DecodingError.typeMismatch(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["points", "1", "x"])
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func aNumberThatIsNotFiniteIsRefused() {
        #expect(throws: EncodingError.self) { try JSONCoder.bytes(["a": Double.infinity]) }
        #expect(throws: EncodingError.self) { try JSONCoder.bytes([Float.nan]) }
    }

    /// Bytes from anywhere never trap.
    @Test func garbageNeverTraps() {
        var random = SeededGenerator(seed: 11)
        let good = Array(#"{"yes":true,"int":5,"list":[1,null],"map":{"k":[1.5]},"text":"a","nested":[]}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1..<5, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
            }
            _ = try? JSONCoder.decode(Everything.self, from: bytes)
            _ = try? JSONCoder.decode(JSONValue.self, from: bytes)
        }
    }
}
