import FoundationEssentials
import LocalBroker

/// What a process wrote last before it ended, and whether a fault explains that.
struct LastWords: CustomStringConvertible {
    let description: String

    /// Of a bot that cannot go on: nobody answers at its start, or its consumer is through.
    static let withoutBroker = ["no answer from ", Self.consumer]
    /// Of a bot whose place others have: it is fenced, as a producer or as a member.
    static let withoutPlace = ["another process runs as ", Self.consumer]
    private static let consumer = "the consumer cannot go on: "

    init(_ line: String) { description = line }

    /// The last line of what a process has written; an empty one where it wrote nothing, or nobody kept it.
    init(of launch: ChildProcess.Launch?) {
        guard case .file(let path) = launch?.output, let bytes = FileManager.default.contents(atPath: path) else {
            self.init("")
            return
        }
        self.init(bytes.split(separator: UInt8(ascii: "\n")).last.map { String(decoding: $0, as: UTF8.self) } ?? "")
    }

    /// Whether it is the word of a program that gives up, for one of these reasons.
    func tell(ofOne reasons: [String]) -> Bool { description.hasPrefix("meshload: ") && reasons.contains { description.contains($0) } }
}
