import FoundationEssentials
import Terminal

extension Output {
    /// Writes one JSON object on a line of its own, its keys sorted.
    func object(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
