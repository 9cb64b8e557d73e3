import FoundationEssentials

/// A text file with sections that a program writes: what stands between two marks, which are HTML comments.
struct MarkedDocument {
    private let path: String

    /// Throws when the file has not the marks of all `sections`.
    init(path: String, sections: [String]) throws {
        self.path = path
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for section in sections { _ = try Self.replaced(section, with: "", in: text, path: path) }
    }

    /// Puts `text` where the section's old text was. The file is replaced whole, or not at all.
    func replace(_ section: String, with text: String) throws {
        let old = try String(contentsOfFile: path, encoding: .utf8)
        try Data(Self.replaced(section, with: text, in: old, path: path).utf8).write(to: URL(filePath: path), options: .atomic)
    }

    private static func replaced(_ section: String, with text: String, in document: String, path: String) throws -> String {
        let (opening, closing) = ("<!-- \(section): written by meshload bench -->", "<!-- end of \(section) -->")
        var lines = document.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let first = lines.firstIndex(of: opening), let last = lines.firstIndex(of: closing), first < last else {
            throw LoadFailure("\(path) has no lines '\(opening)' and '\(closing)'")
        }
        lines.replaceSubrange((first + 1)..<last, with: ["", text, ""])
        return lines.joined(separator: "\n")
    }
}
