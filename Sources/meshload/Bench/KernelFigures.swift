import FoundationEssentials

/// A file in which Linux tells of memory or of a process, `Name: words` a line.
struct KernelFigures {
    private let path: String
    private let lines: [Substring]

    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw LoadFailure("\(path) cannot be read") }
        self.path = path
        lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    }

    func kibibytes(_ name: String) throws -> Int {
        guard let number = word(name).flatMap({ Int($0) }) else { throw LoadFailure("\(path) does not name \(name)") }
        return number
    }

    /// The first word of what stands under this name; nil where the file does not have it.
    func word(_ name: String) -> Substring? {
        lines.first { $0.hasPrefix(name + ":") }?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first
    }
}
