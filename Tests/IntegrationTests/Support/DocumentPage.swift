import FoundationEssentials

/// A page of the documents with the commands in it.
struct DocumentPage: Sendable {
    struct Block: Sendable, Equatable {
        /// The line of its first command, from 1.
        let line: Int
        let text: String
    }

    /// Below the package's root.
    let path: String
    /// The blocks that are marked `sh`, in order.
    let blocks: [Block]
    /// The marks of all blocks; empty for a block without one.
    let marks: Set<String>

    init(path: String) throws { try self.init(path: path, text: String(contentsOfFile: "\(Programs.root)/\(path)", encoding: .utf8)) }

    init(path: String, text: String) {
        self.path = path
        var blocks: [Block] = []
        var marks: Set<String> = []
        var open: (mark: String, line: Int, lines: [Substring])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") {
                if let block = open {
                    if block.mark == "sh" { blocks.append(Block(line: block.line, text: block.lines.joined(separator: "\n"))) }
                    open = nil
                } else {
                    let mark = String(line.dropFirst(3))
                    marks.insert(mark)
                    open = (mark, index + 2, [])
                }
            } else {
                open?.lines.append(line)
            }
        }
        self.blocks = blocks
        self.marks = marks
    }

    /// The how-to pages, by name.
    static func howTo() throws -> [DocumentPage] {
        try FileManager.default.contentsOfDirectory(atPath: Programs.root + "/docs/how-to").sorted().filter { $0.hasSuffix(".md") }.map {
            try DocumentPage(path: "docs/how-to/\($0)")
        }
    }

    /// All blocks as one script, as somebody types them one after the other into one shell; it ends at the first command that fails.
    /// `replacing` are addresses as the page names them, and as they are here.
    func script(in directory: String, replacing addresses: [String: String]) -> String {
        var script = "set -euo pipefail\ncd '\(directory)'\n"
        for block in blocks {
            script += "echo '--- \(path):\(block.line)'\n"
            script += addresses.reduce(block.text) { $0.replacing($1.key, with: $1.value) } + "\n"
        }
        return script
    }
}
