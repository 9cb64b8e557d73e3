/// A Dockerfile, read into its instructions.
struct Dockerfile: Sendable, Equatable {
    struct Instruction: Sendable, Equatable {
        /// Upper case, e.g. `RUN`.
        let name: String
        /// What stands behind the name, continuation lines joined by a space, here-documents appended.
        let arguments: String
        /// The first line.
        let line: Int
    }
    private(set) var instructions: [Instruction] = []

    static let maximumInstructions = 5000
    /// A longer instruction is cut.
    static let maximumArgumentBytes = 65_536

    /// Whether a file of this name is read as a Dockerfile.
    static func isDockerfile(path: String) -> Bool {
        let name = (path.split(separator: "/").last ?? "").lowercased()
        return name == "dockerfile" || name == "containerfile" || name.hasPrefix("dockerfile.") || name.hasSuffix(".dockerfile")
    }

    init(parsing text: [UInt8]) {
        let lines = text.split(separator: 0x0a, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0d ? line.dropLast() : line, as: UTF8.self)
        }
        var escape: Character = "\\"
        var index = 0
        while index < lines.count, let (name, value) = Self.directive(lines[index]) {
            if name == "escape", value == "`" { escape = "`" }
            index += 1
        }
        while index < lines.count, instructions.count < Self.maximumInstructions {
            let first = index
            var joined = ""
            var isOpen = true
            while isOpen, index < lines.count {
                let line = lines[index].trimmed
                index += 1
                // Comment lines and empty lines between continuations are passed over.
                if line.hasPrefix("#") || (line.isEmpty && !joined.isEmpty) { continue }
                isOpen = line.last == escape
                joined += joined.isEmpty ? "" : " "
                joined += isOpen ? String(line.dropLast()).trimmed : line
                if joined.utf8.count > Self.maximumArgumentBytes { joined = String(joined.prefix(Self.maximumArgumentBytes / 4)) }
            }
            for marker in Self.hereDocuments(joined) {
                while index < lines.count, lines[index].trimmed != marker {
                    if joined.utf8.count < Self.maximumArgumentBytes { joined += "\n" + lines[index] }
                    index += 1
                }
                index += 1
            }
            guard let word = joined.split(separator: " ", maxSplits: 1).first else { continue }
            instructions.append(
                Instruction(name: word.uppercased(), arguments: String(joined.dropFirst(word.count)).trimmed, line: first + 1))
        }
    }

    /// `# escape=\`` at the top of the file.
    private static func directive(_ line: String) -> (String, String)? {
        guard line.hasPrefix("#") else { return nil }
        let parts = line.dropFirst().split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let name = String(parts[0]).trimmed.lowercased()
        guard ["escape", "syntax", "check"].contains(name) else { return nil }
        return (name, String(parts[1]).trimmed)
    }

    /// The end markers of `<<EOF`, `<<-EOF`, `<<"EOF"` in an instruction.
    private static func hereDocuments(_ text: String) -> [String] {
        guard text.contains("<<"), !text.contains("<<<") else { return [] }
        var markers: [String] = []
        var rest = text[...]
        while markers.count < 8, let place = rest.firstRange(of: "<<") {
            rest = rest[place.upperBound...]
            let marker = rest.drop { $0 == "-" || $0 == "\"" || $0 == "'" }.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            if !marker.isEmpty { markers.append(String(marker)) }
        }
        return markers
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[first...last])
    }
}
