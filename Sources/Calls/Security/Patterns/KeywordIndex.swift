/// Finds many short words in one pass over a text, ASCII case ignored (Aho and Corasick, "Efficient string matching", 1975).
struct KeywordIndex: Sendable {
    private var next: [UInt16] = []
    /// The words that end in a state.
    private var ends: [[Int]] = []

    /// `words` must be ASCII and not empty; a hit is reported with the word's index.
    init(_ words: [String]) {
        var fail: [Int] = [0]
        next = [UInt16](repeating: 0, count: 256)
        ends = [[]]
        for (number, word) in words.enumerated() {
            var state = 0
            for byte in word.utf8.map(Self.lowered) {
                if next[state * 256 + Int(byte)] == 0 {
                    next[state * 256 + Int(byte)] = UInt16(ends.count)
                    next.append(contentsOf: repeatElement(0, count: 256))
                    ends.append([])
                    fail.append(0)
                }
                state = Int(next[state * 256 + Int(byte)])
            }
            ends[state].append(number)
        }
        var queue = (0..<256).map { Int(next[$0]) }.filter { $0 != 0 }
        var head = 0
        while head < queue.count {
            let state = queue[head]
            head += 1
            ends[state] += ends[fail[state]]
            for byte in 0..<256 {
                let target = Int(next[state * 256 + byte])
                if target == 0 {
                    next[state * 256 + byte] = next[fail[state] * 256 + byte]
                } else {
                    fail[target] = Int(next[fail[state] * 256 + byte])
                    queue.append(target)
                }
            }
        }
        for state in ends.indices {
            for byte in UInt8(ascii: "a")...UInt8(ascii: "z") { next[state * 256 + Int(byte) - 32] = next[state * 256 + Int(byte)] }
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte + 32 : byte }

    /// Calls `found` with the word's index and the place behind its last byte, in order of that place.
    func scan(_ bytes: UnsafeBufferPointer<UInt8>, _ found: (_ word: Int, _ end: Int) -> Void) {
        next.withUnsafeBufferPointer { next in
            var state = 0
            var position = 0
            while position < bytes.count {
                state = Int(next[state &* 256 &+ Int(bytes[position])])
                position &+= 1
                if state != 0, !ends[state].isEmpty { for word in ends[state] { found(word, position) } }
            }
        }
    }
}
