import FoundationEssentials
import MeshRuntime

/// What the bots must have said of their trouble since the faults began, so that somebody can help.
struct Alarms {
    /// The words that must stand in one line of a bot's log; empty where nothing is asked for.
    private let words: [String]
    /// How far each bot's log reached when the faults began, in bytes.
    private let begins: [(file: String, bytes: Int)]

    /// Looks how far the logs reach: to be made before the first fault.
    init(_ plan: ChaosPlan, _ workspace: Workspace) {
        words = Self.words(plan.scenario)
        begins = (1...plan.bots).map { slot in
            let file = workspace.file(ChaosLaunch.log(slot))
            return (file, FileManager.default.contents(atPath: file)?.count ?? 0)
        }
    }

    private static func words(_ scenario: Scenario) -> [String] {
        switch scenario {
        // The alarm itself: not the first failure, which any rebalance leads to, nor that of another topic.
        case .deadLetters: [": for ", ChaosTopics.deadLetters, "cannot be written, and so nothing is committed"]
        case .dependency: ["keep failing"]
        case .stateDisk: [".sqlite cannot be ", "the next start reads more of"]
        default: []
        }
    }

    /// What no bot has said.
    func missing() -> [String] {
        func tells(_ line: Substring) -> Bool { words.allSatisfy { line.contains($0) } }
        let isSaid = words.isEmpty || begins.contains { Self.lines(of: $0.file, from: $0.bytes).contains(where: tells) }
        return isSaid ? [] : ["no bot has told of its trouble in its log (\(words.joined(separator: " … ")))"]
    }

    /// The partitions that a bot has given up before all was settled, because the time for that was over, as it says: there results may be repeated.
    static func hastilyGivenUp(_ workspace: Workspace) throws -> Set<String> {
        var names: Set<String> = []
        for line in try said(RuntimeSettings.tooShortToSettle, workspace) {
            let partitions = line.split(separator: "partitions=").last ?? ""
            for name in partitions.split(whereSeparator: { " \"".contains($0) }) { names.insert(String(name)) }
        }
        return names
    }

    /// How many records bots have written again since the broker had not answered for them, as they say: so many may be there twice.
    static func writtenAgain(_ workspace: Workspace) throws -> Int {
        try said(RuntimeSettings.mayBeTwice, workspace).reduce(0) { sum, line in
            guard let count = line.split(separator: "records=").last.flatMap({ Int($0) }) else {
                throw LoadFailure("a line does not say how many records were written again: \(line)")
            }
            return sum + count
        }
    }

    /// What bots have taken for a log that was cut: no fault cuts one.
    static func mistaken(_ workspace: Workspace) throws -> [String] {
        try said(RuntimeSettings.wasCut, workspace).map { "a bot took a log for cut, and none was: \($0)" }
    }

    /// The lines with these words in the logs of all bots.
    private static func said(_ words: String, _ workspace: Workspace) throws -> [Substring] {
        let files = try FileManager.default.contentsOfDirectory(atPath: workspace.path)
        return files.filter { $0.hasPrefix("bot-") && $0.hasSuffix(".log") }.sorted().flatMap { file in
            lines(of: workspace.file(file), from: 0).filter { $0.contains(words) }
        }
    }

    private static func lines(of file: String, from bytes: Int) -> [Substring] {
        String(decoding: FileManager.default.contents(atPath: file)?.dropFirst(bytes) ?? Data(), as: UTF8.self).split(separator: "\n")
    }
}
