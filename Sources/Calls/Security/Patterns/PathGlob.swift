/// A glob over a path with `/`: `*` is any text without `/`, `**` any text, `?` one character but `/`. A glob without `/` is compared with the last part.
struct PathGlob: Sendable, Equatable {
    private let text: [UInt8]
    private let isWholePath: Bool

    init(_ glob: String) {
        text = Array(glob.utf8)
        isWholePath = glob.contains("/")
    }

    func matches(_ path: String) -> Bool {
        let whole = Array(path.utf8)
        let subject = isWholePath ? whole[...] : whole[((whole.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 }) ?? 0)...]
        // The set of places in the glob that are reachable: linear in both, so a hostile glob costs nothing.
        var places = reach([0])
        for byte in subject {
            var following = Set<Int>()
            for place in places where place < text.count {
                switch text[place] {
                case UInt8(ascii: "*"):
                    let isDouble = place + 1 < text.count && text[place + 1] == UInt8(ascii: "*")
                    if isDouble || byte != UInt8(ascii: "/") { following.insert(place) }
                case UInt8(ascii: "?"): if byte != UInt8(ascii: "/") { following.insert(place + 1) }
                default: if text[place] == byte { following.insert(place + 1) }
                }
            }
            places = reach(following)
            if places.isEmpty { return false }
        }
        return places.contains(text.count)
    }

    /// Adds what a star that stands for nothing leads to.
    private func reach(_ places: Set<Int>) -> Set<Int> {
        var result = places
        var stack = Array(places)
        while let place = stack.popLast() {
            guard place < text.count, text[place] == UInt8(ascii: "*") else { continue }
            let isDouble = place + 1 < text.count && text[place + 1] == UInt8(ascii: "*")
            var after = place + (isDouble ? 2 : 1)
            if result.insert(after).inserted { stack.append(after) }
            // `**/` also stands for nothing at all.
            if isDouble, after < text.count, text[after] == UInt8(ascii: "/") {
                after += 1
                if result.insert(after).inserted { stack.append(after) }
            }
        }
        return result
    }
}
