import BotKit

/// Checks over all configurations together: names, dependencies, conflicts, channels.
struct MeshCheck {
    let bots: [ReadConfiguration]
    let knowledge: ConfigurationKnowledge
    /// True when the files given are the whole mesh: then a missing dependency is an error.
    let isWhole: Bool
    let sink: ProblemSink

    private var named: [String: ReadConfiguration] {
        Dictionary(bots.map { ($0.configuration.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func run() {
        checkDuplicates()
        let named = named
        for bot in bots where !bot.configuration.name.isEmpty {
            for mention in bot.mentions { check(mention, of: bot, named) }
            checkChannels(bot, named)
        }
        checkCycles(named)
    }

    private func checkDuplicates() {
        var first: [String: ReadConfiguration] = [:]
        for bot in bots where !bot.configuration.name.isEmpty {
            // Topics and consumer groups carry the name in lower case.
            let name = bot.configuration.name.lowercased()
            guard let earlier = first[name] else {
                first[name] = bot
                continue
            }
            let same = earlier.configuration.name == bot.configuration.name
            let what =
                same
                ? "the bot '\(bot.configuration.name)' is configured twice"
                : "the bots '\(earlier.configuration.name)' and '\(bot.configuration.name)' differ only in upper and lower case"
            sink.error(bot.namePosition, "bot.name", "\(what); the other is at \(earlier.namePosition)")
        }
    }

    private func check(
        _ mention: (name: String, kind: ReadConfiguration.Mention, position: SourcePosition, path: String), of bot: ReadConfiguration,
        _ named: [String: ReadConfiguration]
    ) {
        let other = named[mention.name]?.configuration
        let isActive = bot.configuration.isEnabled
        switch mention.kind {
        case .required:
            guard let other else {
                missing(mention.name, mention.position, mention.path, named)
                return
            }
            if !other.isEnabled, isActive {
                sink.error(mention.position, mention.path, "\(bot.configuration.name) requires \(mention.name), which is disabled")
            }
        case .conflict:
            if let other, other.isEnabled, isActive {
                sink.error(mention.position, mention.path, "\(bot.configuration.name) conflicts with \(mention.name), and both are enabled")
            }
        case .destination:
            if other == nil, knowledge.contracts[mention.name] == nil {
                sink.warning(
                    mention.position, mention.path, "there is no bot '\(mention.name)' among the files given",
                    nearest: NearestName.of(mention.name, in: Set(named.keys).union(knowledge.contracts.keys).sorted()))
            }
        case .optional: break
        }
    }

    private func missing(_ name: String, _ position: SourcePosition, _ path: String, _ named: [String: ReadConfiguration]) {
        let nearest = NearestName.of(name, in: Set(named.keys).union(isWhole ? [] : Array(knowledge.contracts.keys)).sorted())
        if isWhole {
            sink.error(
                position, path, "the required bot '\(name)' is not in the mesh",
                expected: "one of \(named.keys.sorted().joined(separator: ", "))", nearest: nearest)
        } else {
            sink.warning(
                position, path, "the required bot '\(name)' is not among the files given; `mesh up` checks it against the whole mesh",
                nearest: nearest)
        }
    }

    private func checkChannels(_ bot: ReadConfiguration, _ named: [String: ReadConfiguration]) {
        // NotificationBot judges its own rules.
        guard let notifier = named[ConfigurationKnowledge.ruleBot]?.configuration, !notifier.actions.isEmpty,
            bot.configuration.name != notifier.name
        else { return }
        let channels = notifier.actions.map(\.name)
        for channel in bot.channels where !channels.contains(channel.name) {
            sink.warning(
                channel.position, channel.path, "\(notifier.name) has no channel '\(channel.name)'",
                expected: "one of \(channels.joined(separator: ", "))",
                nearest: NearestName.of(channel.name, in: channels))
        }
    }

    /// Each cycle of required dependencies once, at the first bot of it.
    private func checkCycles(_ named: [String: ReadConfiguration]) {
        var reported: Set<String> = []
        for name in named.keys.sorted() where !reported.contains(name) {
            guard let cycle = cycle(from: name, named), !cycle.contains(where: reported.contains) else { continue }
            reported.formUnion(cycle)
            guard let bot = named[name], let mention = bot.mentions.first(where: { $0.kind == .required && cycle.contains($0.name) }) else {
                continue
            }
            sink.error(
                mention.position, mention.path, "the dependencies go round in a circle: \((cycle + [name]).joined(separator: " → "))")
        }
    }

    /// The shortest way from `name` back to itself.
    private func cycle(from name: String, _ named: [String: ReadConfiguration]) -> [String]? {
        var cameFrom: [String: String] = [:]
        var open = [name]
        while !open.isEmpty {
            let current = open.removeFirst()
            for next in named[current]?.configuration.dependencies.required ?? [] {
                if next == name {
                    var way = [current]
                    while let before = way.first, before != name, let earlier = cameFrom[before] { way.insert(earlier, at: 0) }
                    return way
                }
                guard cameFrom[next] == nil, named[next] != nil else { continue }
                cameFrom[next] = current
                open.append(next)
            }
        }
        return nil
    }
}
