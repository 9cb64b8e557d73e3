/// Looks for some bytes in others: Horspool's algorithm (1980), which mostly steps on by the length of what it looks for.
struct ByteSearch: Sendable {
    let pattern: [UInt8]
    private let steps: [Int]

    init(_ text: String) {
        pattern = Array(text.utf8)
        var steps = [Int](repeating: pattern.count, count: 256)
        for (place, byte) in pattern.dropLast().enumerated() { steps[Int(byte)] = pattern.count - 1 - place }
        self.steps = steps
    }

    /// Whether they stand in `whole` somewhere; no bytes stand everywhere.
    func isIn(_ whole: [UInt8]) -> Bool {
        guard let last = pattern.last else { return true }
        var end = pattern.count - 1
        return whole.withUnsafeBufferPointer { whole in
            pattern.withUnsafeBufferPointer { pattern in
                while end < whole.count {
                    if whole[end] == last {
                        var length = 1
                        while length < pattern.count, whole[end - length] == pattern[pattern.count - 1 - length] { length += 1 }
                        if length == pattern.count { return true }
                    }
                    end += steps[Int(whole[end])]
                }
                return false
            }
        }
    }
}
