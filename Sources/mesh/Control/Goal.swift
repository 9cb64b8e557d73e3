import Envelopes
import Kafka

/// When a change has come true, as far as the instances' own records tell.
struct Goal {
    let target: Target
    let change: Change
    /// As they are with the change.
    let wishes: Wishes
    /// The instances of the bot that there shall be.
    let slots: [Instance]

    /// `statuses` are all instances of the mesh before the change.
    init(_ target: Target, _ change: Change, _ wishes: Wishes, _ statuses: [InstanceStatus]) {
        self.target = target
        self.change = change
        self.wishes = wishes
        // Where nobody has said how many there shall be, those that run are wanted, and the first one always is.
        let alive = statuses.filter { $0.record.bot == target.bot && $0.standing.isAlive }.map(\.record.replica).max() ?? 1
        slots = wishes.slots(of: target.bot, otherwise: max(alive, target.replica ?? 1))
    }

    /// Why it cannot come true however long one waits, and what to do; nil when it can. Pausing and draining leave nothing to wait for where nothing runs.
    var obstacle: String? {
        guard change == .state(.running), !slots.contains(where: target.includes) else { return nil }
        let wanted = slots.isEmpty ? "no instance of \(target.bot) is wanted" : "\(target) is beyond the \(slots.count) wanted"
        return "\(wanted); to have more: mesh scale \(target.bot)=\(target.replica ?? 1)"
    }

    /// What is not so yet, in words; empty when all is. `partitions` are the numbers of all topics.
    func missing(_ statuses: [InstanceStatus], partitions: [String: Int]) -> [String] {
        if let obstacle { return [obstacle] }
        let known = Dictionary(statuses.map { ($0.instance, $0) }, uniquingKeysWith: { first, _ in first })
        switch change {
        case .replicas:
            let surplus = statuses.filter { $0.record.bot == target.bot && $0.standing.isAlive && !slots.contains($0.instance) }
            return slots.compactMap { absent($0, known[$0]) } + surplus.map { "\($0.instance) is \($0.standing.rawValue)" }
                + unbalanced(statuses, partitions)
        case .state(.running):
            return slots.filter(target.includes).compactMap { absent($0, known[$0]) } + unbalanced(statuses, partitions)
        case .state(.drained):
            return targeted(statuses).map { "\($0.instance) is \($0.standing.rawValue)" } + unbalanced(statuses, partitions)
        case .state(.paused):
            return targeted(statuses).filter { $0.record.state != .paused }.map { "\($0.instance) is \($0.standing.rawValue)" }
        case .logLevel(let level):
            guard let level else { return [] }
            return targeted(statuses).filter { $0.record.logLevel != level }
                .map { "\($0.instance) has the level \($0.record.logLevel ?? "that it does not tell")" }
        }
    }

    private func targeted(_ statuses: [InstanceStatus]) -> [InstanceStatus] {
        statuses.filter { target.includes($0.instance) && $0.standing.isAlive }
    }

    /// Why a wanted instance does not count yet.
    private func absent(_ instance: Instance, _ status: InstanceStatus?) -> String? {
        let wish = wishes.state(of: instance)
        if wish == .drained { return nil }
        guard let status, status.standing.isAlive else { return "\(instance) has not reported" }
        let isThere = wish == .paused ? status.record.state == .paused : status.record.state == .running
        return isThere ? nil : "\(instance) is \(status.standing.rawValue)"
    }

    /// Partitions that nobody has, or two have: the rebalance goes on.
    private func unbalanced(_ statuses: [InstanceStatus], _ partitions: [String: Int]) -> [String] {
        let own = statuses.filter { $0.record.bot == target.bot && $0.standing.isAlive }
        guard own.contains(where: { $0.record.state == .running }) else { return [] }
        var owners: [String: Int] = [:]
        for status in own { for name in status.record.partitions { owners[name, default: 0] += 1 } }
        let topics = Set(owners.keys.compactMap { PartitionNames.parse($0)?.topic })
        let all = topics.flatMap { topic in (0..<(partitions[topic] ?? 0)).map { "\(topic)[\($0)]" } }
        let free = all.count { owners[$0] == nil }
        let shared = owners.values.count { $0 > 1 }
        // The assignor evens numbers out: with enough partitions each has one, and one without has not joined yet.
        let idle = all.isEmpty || all.count >= own.count ? own.filter { $0.record.partitions.isEmpty && $0.record.state == .running } : []
        let nothing = idle.map { "\($0.instance) owns no partition yet" }
        return nothing + (free > 0 ? ["\(counted(free, "partition")) of \(target.bot) without an owner yet"] : [])
            + (shared > 0 ? ["\(counted(shared, "partition")) of \(target.bot) with two owners"] : [])
    }

    /// The wanted instances that are not drained.
    var runningSlots: [Instance] { slots.filter { wishes.state(of: $0) != .drained } }

    /// That fewer run than are wanted, because a person has drained some, and what to do; nil when none is drained.
    var drainedNote: String? {
        let drained = slots.filter { wishes.state(of: $0) == .drained }
        guard !drained.isEmpty else { return nil }
        guard !runningSlots.isEmpty else {
            return "\(target.bot) is drained, so none of the \(slots.count) wanted runs; mesh resume \(target.bot) starts what is drained"
        }
        let names = drained.map(\.description).joined(separator: ", ")
        return
            "\(target.bot): \(runningSlots.count) of the \(slots.count) wanted run, \(names) \(drained.count == 1 ? "is" : "are") drained; "
            + "mesh resume \(target.bot) starts what is drained"
    }

    /// What has come true, in one sentence.
    var success: String {
        switch change {
        case .replicas(let count):
            return drainedNote ?? "\(target.bot) has \(counted(count, "replica"))"
        case .state(let state): return "\(target) is \(state.rawValue)"
        case .logLevel(let level): return "\(target) logs \(level.map { "at \($0)" } ?? "as configured")"
        }
    }
}
