import Envelopes

/// What a person asks of a bot: one command, as it changes `mesh.control`.
enum Change: Equatable {
    case replicas(Int)
    case state(ControlRecord.State)
    /// nil: as the configuration says.
    case logLevel(String?)

    /// What the audit calls it.
    var action: String {
        switch self {
        case .replicas: "bot.scale"
        case .state(.running): "bot.resume"
        case .state(.paused): "bot.pause"
        case .state(.drained): "bot.drain"
        case .logLevel: "bot.loglevel"
        }
    }

    /// The word in the audit after the bot's name; empty where the action says it all.
    var argument: String {
        switch self {
        case .replicas(let count): "=\(count)"
        case .state: ""
        case .logLevel(let level): "=\(level ?? "configured")"
        }
    }
}

/// One bot, or one of its instances.
struct Target: Hashable, CustomStringConvertible {
    let bot: String
    /// nil: all of them.
    let replica: Int?
    var description: String { ControlRecord.key(bot: bot, replica: replica) }

    /// Understands `BuildBot` and `BuildBot/2`; nil for anything else. `BuildBot-2`, as instances are named, is taken too where it can mean nothing else.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else { return nil }
        if parts.count == 2 {
            guard let number = Int(parts[1]), (1...1_000).contains(number) else { return nil }
            self.init(bot: String(name), replica: number)
        } else if let dash = name.lastIndex(of: "-"), let number = Int(name[name.index(after: dash)...]), (1...1_000).contains(number),
            dash != name.startIndex
        {
            self.init(bot: String(name[..<dash]), replica: number)
        } else {
            self.init(bot: String(name), replica: nil)
        }
    }

    init(bot: String, replica: Int?) {
        self.bot = bot
        self.replica = replica
    }

    func includes(_ instance: Instance) -> Bool { instance.bot == bot && (replica == nil || replica == instance.replica) }
}

extension Wishes {
    /// The records that make `change` true of `target`, with the key of each; a nil record takes a wish back.
    ///
    /// A wish for a whole bot also holds for those of its instances that had a wish of their own of that kind: whoever pauses a bot means all of it.
    func records(for change: Change, of target: Target, by person: String, at time: String) -> [(key: String, record: ControlRecord?)] {
        var own = records[target.description] ?? ControlRecord(bot: target.bot, replica: target.replica)
        own.bot = target.bot
        own.replica = target.replica
        switch change {
        case .replicas(let count): own.replicas = count
        case .state(let state): own.state = state
        case .logLevel(let level): own.logLevel = level
        }
        own.requestedBy = person
        own.requestedAt = time
        var result: [(String, ControlRecord?)] = [(target.description, own)]
        guard target.replica == nil else { return result }
        for (key, record) in records.sorted(by: { $0.key < $1.key }) where record.bot == target.bot && record.replica != nil {
            var changed = record
            switch change {
            case .replicas: continue
            case .state: changed.state = nil
            case .logLevel: changed.logLevel = nil
            }
            guard changed != record else { continue }
            changed.requestedBy = person
            changed.requestedAt = time
            result.append((key, changed.state == nil && changed.logLevel == nil ? nil : changed))
        }
        return result
    }
}
