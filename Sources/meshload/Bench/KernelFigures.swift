import FoundationEssentials

/// A file in which Linux gives figures of memory, `Name: number kB` a line.
struct KernelFigures {
    private let path: String
    private let lines: [Substring]

    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw LoadFailure("\(path) cannot be read") }
        self.path = path
        lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    }

    func kibibytes(_ name: String) throws -> Int {
        let line = lines.first { $0.hasPrefix(name + ":") }
        guard let number = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).dropFirst().first.flatMap({ Int($0) }) else {
            throw LoadFailure("\(path) does not name \(name)")
        }
        return number
    }
}
