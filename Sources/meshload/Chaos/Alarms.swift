import FoundationEssentials
import MeshRuntime

/// What the bots must have said of their trouble, so that somebody can help.
struct Alarms {
    private let plan: ChaosPlan
    private let workspace: Workspace

    init(_ plan: ChaosPlan, _ workspace: Workspace) {
        self.plan = plan
        self.workspace = workspace
    }

    /// The words of which one must stand in a bot's log; empty where nothing is asked for.
    private var words: [String] {
        switch plan.scenario {
        case .deadLetters: ["nothing of a settlement", "cannot be written", "cannot be settled"]
        case .dependency: ["keep failing"]
        default: []
        }
    }

    /// What no bot has said.
    func missing() -> [String] {
        guard !words.isEmpty else { return [] }
        for slot in 1...plan.bots {
            guard let data = FileManager.default.contents(atPath: workspace.file(ChaosLaunch.log(slot))) else { continue }
            let text = String(decoding: data, as: UTF8.self)
            if words.contains(where: { text.contains($0) }) { return [] }
        }
        return ["no bot has told of its trouble in its log (\(words.joined(separator: ", or ")))"]
    }
}
