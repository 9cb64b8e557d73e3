import BotKit

/// `; did you mean 'NAME'?` with the name nearest to `word`; else, where there are few, all of them; else nothing.
public func nearest(_ word: String, among names: some Collection<String>) -> String {
    if let nearest = NearestName.of(word, in: names) { return "; did you mean '\(nearest)'?" }
    return !names.isEmpty && names.count <= 12 ? ". There are: \(names.sorted().joined(separator: ", "))" : ""
}

extension UsageError {
    /// A name that is not among those that there are, e.g. `no bot 'BuildBto'; did you mean 'BuildBot'?`.
    public static func unknown(_ kind: String, _ word: String, among names: some Collection<String>) -> UsageError {
        UsageError("no \(kind) '\(word.printable)'" + nearest(word, among: names))
    }
}
