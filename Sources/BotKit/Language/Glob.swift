/// A text in which `*` stands for any characters, none included. Case counts. Time is linear in the text for each `*`.
public struct Glob: Sendable, Hashable {
    private let pieces: [[UInt8]]

    public init(_ pattern: String) { pieces = pattern.utf8.split(separator: 0x2A, omittingEmptySubsequences: false).map(Array.init) }

    public func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        guard let first = pieces.first, let last = pieces.last else { return text.isEmpty }
        guard pieces.count > 1 else { return text == first }
        guard text.starts(with: first), text.count >= first.count + last.count, text.suffix(last.count).elementsEqual(last) else {
            return false
        }
        var position = first.count
        let end = text.count - last.count
        for piece in pieces.dropFirst().dropLast() {
            guard let found = find(piece, in: text, from: position, to: end) else { return false }
            position = found + piece.count
        }
        return true
    }

    private func find(_ piece: [UInt8], in text: [UInt8], from start: Int, to end: Int) -> Int? {
        guard !piece.isEmpty else { return start }
        var index = start
        while index + piece.count <= end {
            if text[index] == piece[0], text[index..<index + piece.count].elementsEqual(piece) { return index }
            index += 1
        }
        return nil
    }
}
