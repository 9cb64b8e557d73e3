/// At most `count` characters, with an ellipsis where something was left out: for texts that a schema bounds.
func bounded(_ text: String, _ count: Int) -> String { text.unicodeScalars.count > count ? text.prefix(fitting: count - 1) + "…" : text }

extension String {
    /// The longest beginning of whole characters that has at most `count` Unicode scalars.
    fileprivate func prefix(fitting count: Int) -> Substring {
        var left = count
        return prefix { character in
            left -= character.unicodeScalars.count
            return left >= 0
        }
    }
}
