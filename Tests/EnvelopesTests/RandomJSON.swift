import Envelopes
import MeshTesting

extension SeededGenerator {
    /// A JSON value of at most `depth` levels.
    mutating func json(depth: Int = 4) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .integer([0, 1, -1, .max, .min, Int64.random(in: -1000...1000, using: &self)].randomElement(using: &self) ?? 0)
        case 3: return .double([0.5, -1e300, 1e-300, Double.random(in: -10...10, using: &self)].randomElement(using: &self) ?? 0)
        case 4, 5: return .string(text())
        case 6: return .array((0..<Int.random(in: 0...4, using: &self)).map { _ in json(depth: depth - 1) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0...5, using: &self) { members[text()] = json(depth: depth - 1) }
            return .object(members)
        }
    }

    mutating func text() -> String {
        let pieces = ["a", "b", "name", "\"", "\\", "\n", "\u{0}", "é", "e\u{301}", "漢", "😀", "/", "~", " "]
        return (0..<Int.random(in: 0...5, using: &self)).map { _ in pieces.randomElement(using: &self) ?? "" }.joined()
    }
}
