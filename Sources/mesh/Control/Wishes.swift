import Envelopes

/// What people want, as `mesh.control` has it: the last record of each key.
struct Wishes {
    /// By the records' keys: `BuildBot`, `BuildBot/2`.
    var records: [String: ControlRecord] = [:]

    /// The record of one instance stands above that of the whole bot, field by field.
    func state(of instance: Instance) -> ControlRecord.State {
        own(instance)?.state ?? records[instance.bot]?.state ?? .running
    }

    /// nil: what the configuration says.
    func logLevel(of instance: Instance) -> String? { own(instance)?.logLevel ?? records[instance.bot]?.logLevel }

    /// How many instances there shall be; nil when nobody has said.
    func replicas(of bot: String) -> Int? { records[bot]?.replicas }

    /// Who asked last for the state of an instance.
    func requester(of instance: Instance) -> String? {
        own(instance)?.state != nil ? own(instance)?.requestedBy : records[instance.bot]?.requestedBy
    }

    private func own(_ instance: Instance) -> ControlRecord? { records[ControlRecord.key(bot: instance.bot, replica: instance.replica)] }

    /// The instances of a bot that there shall be, drained ones among them. `otherwise` is the number when nobody has said one.
    func slots(of bot: String, otherwise: Int) -> [Instance] {
        let count = min(replicas(of: bot) ?? otherwise, Self.maximumReplicas)
        return count < 1 ? [] : (1...count).map { Instance(bot: bot, replica: $0) }
    }

    /// The instances that a supervisor keeps running, when it was started with so many of each bot.
    func wanted(_ startedWith: [String: Int]) -> Set<Instance> {
        Set(startedWith.flatMap { bot, count in slots(of: bot, otherwise: count).filter { state(of: $0) != .drained } })
    }

    /// What one supervisor starts of a bot at most, whatever stands in the topic.
    static let maximumReplicas = 64
}
