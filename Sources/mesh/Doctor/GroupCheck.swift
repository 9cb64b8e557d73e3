/// Whether somebody does the work of each bot. Pure.
struct GroupCheck {
    let bots: [String]
    /// How many members each bot's group has; a group that is not there has none.
    let members: [String: Int]

    init(bots: [String], members: [String: Int]) {
        self.bots = bots
        self.members = members
    }

    /// Of all instances that have ever reported, those that are alive are members.
    init(bots: [String], statuses: [InstanceStatus]) {
        let known = Set(bots)
        let alive = statuses.filter { $0.standing.isAlive && known.contains($0.record.bot) }
        self.init(bots: bots, members: Dictionary(alive.map { ($0.record.bot, 1) }, uniquingKeysWith: +))
    }

    var finding: Finding {
        let idle = bots.filter { members[$0, default: 0] == 0 }
        guard idle.isEmpty else {
            return .warning(
                "groups", "nobody does the work of \(some(idle, at: 8))", mend: "mesh up, or start them where they run; mesh ps")
        }
        return .fine("groups", "\(bots.count) bots run, in \(members.values.reduce(0, +)) instances")
    }
}
