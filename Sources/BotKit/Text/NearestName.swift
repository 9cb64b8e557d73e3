/// The name that a mistyped one probably meant.
public enum NearestName {
    /// The name in `names` that is nearest to `word`, upper and lower case being equal; nil when none is near: more than a third of the word,
    /// and more than two characters, would have to change. A name that begins with the word, or the word with it, counts as near.
    public static func of(_ word: String, in names: some Sequence<String>) -> String? {
        let wanted = Array(word.lowercased().utf8.prefix(64))
        guard !wanted.isEmpty else { return nil }
        var best: (name: String, distance: Int)?
        for name in names where name != word {
            let candidate = Array(name.lowercased().utf8.prefix(64))
            let isPrefix = wanted.count >= 3 && candidate.starts(with: wanted) || candidate.count >= 3 && wanted.starts(with: candidate)
            let distance = isPrefix ? min(1, abs(candidate.count - wanted.count)) : distance(wanted, candidate)
            if distance < best?.distance ?? .max { best = (name, distance) }
        }
        guard let best, best.distance <= max(2, wanted.count / 3), best.distance < wanted.count else { return nil }
        return best.name
    }

    /// Edits (insert, delete, change, swap of neighbours) from one to the other: the optimal string alignment distance.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for i in 0..<left.count {
            var current = [i + 1] + [Int](repeating: 0, count: right.count)
            for j in 0..<right.count {
                let change = previous[j] + (left[i] == right[j] ? 0 : 1)
                current[j + 1] = min(change, previous[j + 1] + 1, current[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    current[j + 1] = min(current[j + 1], before[j - 1] + 1)
                }
            }
            (before, previous) = (previous, current)
        }
        return previous[right.count]
    }
}
