import Envelopes
import FoundationEssentials
import Kafka

/// What shows, after a run, that its faults reached what they were meant for: one without effect proves nothing.
struct Effects {
    private let plan: ChaosPlan
    private let workspace: Workspace
    private let topics: ChaosTopics
    private let client: ClientSettings

    init(_ plan: ChaosPlan, _ workspace: Workspace, _ topics: ChaosTopics, _ client: ClientSettings) {
        self.plan = plan
        self.workspace = workspace
        self.topics = topics
        self.client = client
    }

    /// What is not to be seen of them, in words. `began`: before the first bot was started.
    func missing(since began: Timestamp) throws -> [String] {
        switch plan.scenario {
        case .diskFull:
            let log = FileManager.default.contents(atPath: workspace.file(ChaosBroker.log)) ?? Data()
            return String(decoding: log, as: UTF8.self).contains("is full: producers are refused")
                ? [] : ["the broker has refused nothing for want of space: its log says nothing of it"]
        case .clock: return Self.missing(plan, shifted: try shifts(since: began))
        default: return []
        }
    }

    /// The directions in which the plan steps clocks and no record was written.
    static func missing(_ plan: ChaosPlan, shifted: Set<Int>) -> [String] {
        let steps = Set(plan.steps.compactMap { step in if case .stepClock(_, let seconds) = step.fault { seconds.signum() } else { nil } })
        return steps.subtracting(shifted).subtracting([0]).sorted().map {
            "clocks were stepped \($0 > 0 ? "forward" : "back"), and no record of a bot has such a time: was the preload loaded?"
        }
    }

    /// The directions, 1 and -1, in which records of the bots are out of the time of the run.
    private func shifts(since began: Timestamp) throws -> Set<Int> {
        var found: Set<Int> = []
        // Half of a step: far from every clock that is right.
        let (low, high) = (began.milliseconds - 1_800_000, Timestamp.now.milliseconds + 1_800_000)
        func take(_ record: Record) {
            if record.timestamp.milliseconds < low { found.insert(-1) }
            if record.timestamp.milliseconds > high { found.insert(1) }
        }
        try TopicReader.read(topics.output, client, isolation: .readCommitted, take)
        // A bot that has only partitions of retries writes no result.
        try TopicReader.read(InstanceRecord.topic, client, isolation: .readCommitted) { record in
            if String(decoding: record.key ?? [], as: UTF8.self).hasPrefix(topics.group) { take(record) }
        }
        return found
    }
}
