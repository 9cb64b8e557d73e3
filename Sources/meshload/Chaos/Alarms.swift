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
        let isSaid = words.isEmpty || begins.contains { Self.says(words, in: $0.file, from: $0.bytes) }
        return isSaid ? [] : ["no bot has told of its trouble in its log (\(words.joined(separator: " … ")))"]
    }

    /// Whether a bot has said that it gave partitions up before all was settled, because the time for that was over: then it is repeated.
    static func tellOfHaste(_ workspace: Workspace) -> Bool {
        // Far more bots than any plan has.
        (1...100).contains { says(["s are over, and not all is settled of"], in: workspace.file(ChaosLaunch.log($0)), from: 0) }
    }

    private static func says(_ words: [String], in file: String, from bytes: Int) -> Bool {
        let log = String(decoding: FileManager.default.contents(atPath: file)?.dropFirst(bytes) ?? Data(), as: UTF8.self)
        return log.split(separator: "\n").contains { line in words.allSatisfy { line.contains($0) } }
    }
}
