import Envelopes

/// What has changed between two looks at the instances: a rebalance as it happens.
struct RebalanceNews: Equatable, Sendable {
    enum What: Equatable, Sendable {
        case standing(Standing)
        case gained([String])
        case lost([String])
        case logLevel(String)
    }
    let instance: String
    let what: What

    static func between(_ before: [InstanceStatus], _ now: [InstanceStatus]) -> [RebalanceNews] {
        let old = Dictionary(before.map { ($0.record.instance, $0) }, uniquingKeysWith: { first, _ in first })
        return now.flatMap { status -> [RebalanceNews] in
            let name = status.record.instance
            let previous = old[name]
            var news: [RebalanceNews] = []
            func add(_ what: What) { news.append(RebalanceNews(instance: name, what: what)) }
            // One that has ended does not change any more: drained or stopped is only what is wanted of it now.
            let hasEnded =
                [.drained, .stopped].contains(status.standing) && previous.map { [.drained, .stopped].contains($0.standing) } ?? false
            if previous?.standing != status.standing, !hasEnded { add(.standing(status.standing)) }
            // Whoever has ended has nothing: that follows from its state.
            if status.standing.isAlive {
                let (had, has) = (Set(previous?.record.partitions ?? []), Set(status.record.partitions))
                if !had.subtracting(has).isEmpty { add(.lost(had.subtracting(has).sorted())) }
                if !has.subtracting(had).isEmpty { add(.gained(has.subtracting(had).sorted())) }
                if let level = status.record.logLevel, let before = previous?.record.logLevel, level != before { add(.logLevel(level)) }
            }
            return news
        }
    }

    /// `BuildBot-3  + code.committed 1 3`.
    var text: String {
        switch what {
        case .standing(let standing): "\(instance)  \(standing.rawValue)"
        case .gained(let partitions): "\(instance)  + \(Self.names(partitions))"
        case .lost(let partitions): "\(instance)  - \(Self.names(partitions))"
        case .logLevel(let level): "\(instance)  log level \(level)"
        }
    }

    private static func names(_ partitions: [String]) -> String {
        let lines = PartitionNames.lines(partitions)
        return lines.count <= 3 ? lines.joined(separator: ", ") : "\(counted(partitions.count, "partition")) of \(lines.count) topics"
    }

    /// As JSON. Names are kept stable.
    struct Row: Encodable {
        let news: RebalanceNews
        let seconds: Double

        enum CodingKeys: String, CodingKey { case event, instance, state, partitions, level, seconds }

        func encode(to encoder: any Encoder) throws {
            var row = encoder.container(keyedBy: CodingKeys.self)
            try row.encode(seconds, forKey: .seconds)
            try row.encode(news.instance, forKey: .instance)
            switch news.what {
            case .standing(let standing):
                try row.encode("state", forKey: .event)
                try row.encode(standing.rawValue, forKey: .state)
            case .gained(let partitions):
                try row.encode("gained", forKey: .event)
                try row.encode(partitions, forKey: .partitions)
            case .lost(let partitions):
                try row.encode("lost", forKey: .event)
                try row.encode(partitions, forKey: .partitions)
            case .logLevel(let level):
                try row.encode("log-level", forKey: .event)
                try row.encode(level, forKey: .level)
            }
        }
    }
}
