/// How many letters have to be changed, added or removed to make one word of another.
enum EditDistance {
    /// The time is the product of the lengths; words of more than 128 bytes are as far from each other as they are long.
    static func between(_ first: String, _ second: String) -> Int {
        let from = Array(first.utf8)
        let to = Array(second.utf8)
        guard from.count <= 128, to.count <= 128 else { return max(from.count, to.count) }
        var row = Array(0...to.count)
        for (index, letter) in from.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in to.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[to.count]
    }
}
