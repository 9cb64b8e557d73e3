import Envelopes
import Terminal

/// What `mesh ps` prints.
struct InstanceList {
    let statuses: [InstanceStatus]

    /// One instance as JSON. Names are kept stable.
    struct Row: Encodable {
        let status: InstanceStatus

        enum CodingKeys: String, CodingKey {
            case instance, bot, replica, state, host, pid, version, partitions, stalled, degraded, note, delivery
            case recordsPerSecond = "records_per_second"
            case errorsPerSecond = "errors_per_second"
            case openCalls = "open_calls"
            case queueDepth = "queue_depth"
            case done, retried, restarts
            case lastEnd = "last_end"
            case deadLettered = "dead_lettered"
            case logLevel = "log_level"
            case startedAt = "started_at"
            case lastSeen = "last_seen"
            case lastSeenSeconds = "last_seen_seconds"
        }

        func encode(to encoder: any Encoder) throws {
            let record = status.record
            var row = encoder.container(keyedBy: CodingKeys.self)
            try row.encode(record.instance, forKey: .instance)
            try row.encode(record.bot, forKey: .bot)
            try row.encode(record.replica, forKey: .replica)
            try row.encode(status.standing.rawValue, forKey: .state)
            try row.encode(OrNull(status.note.isEmpty ? nil : status.note), forKey: .note)
            try row.encode(record.host, forKey: .host)
            try row.encode(record.pid, forKey: .pid)
            try row.encode(record.version, forKey: .version)
            try row.encode(record.delivery, forKey: .delivery)
            try row.encode(record.partitions, forKey: .partitions)
            try row.encode(record.recordsPerSecond, forKey: .recordsPerSecond)
            try row.encode(record.errorsPerSecond, forKey: .errorsPerSecond)
            try row.encode(record.openCalls, forKey: .openCalls)
            try row.encode(OrNull(record.queueDepth), forKey: .queueDepth)
            try row.encode(record.done, forKey: .done)
            try row.encode(record.retried, forKey: .retried)
            try row.encode(record.deadLettered, forKey: .deadLettered)
            try row.encode(OrNull(record.restarts), forKey: .restarts)
            try row.encode(OrNull(record.lastEnd), forKey: .lastEnd)
            try row.encode(record.stalled, forKey: .stalled)
            try row.encode(record.degraded ?? [], forKey: .degraded)
            try row.encode(OrNull(record.logLevel), forKey: .logLevel)
            try row.encode(record.startedAt, forKey: .startedAt)
            try row.encode(record.lastSeen, forKey: .lastSeen)
            try row.encode(OrNull(status.age.map { ($0 / .milliseconds(100)).rounded() / 10 }), forKey: .lastSeenSeconds)
        }
    }

    static let columns: [Column] = [
        Column("INSTANCE", mayShrink: true), "STATE", Column("PART", .right), Column("REC/S", .right), Column("ERR/S", .right),
        Column("RST", .right), Column("SEEN", .right), Column("HOST", mayShrink: true), Column("PID", .right), "VERSION",
    ]

    /// Prints the table, and beneath it what is the matter with whom. A terminal of 80 columns has no room for versions.
    func print(to output: Output) {
        let count = (output.width ?? .max) < 90 ? Self.columns.count - 1 : Self.columns.count
        output.table(Array(Self.columns.prefix(count)), cells(output.style).map { Array($0.prefix(count)) })
        let noted = statuses.filter { !$0.note.isEmpty }
        let again = statuses.compactMap(\.restartNote)
        if !noted.isEmpty || !again.isEmpty { output.line() }
        for status in noted {
            let state = output.style(status.standing.colour, status.standing.rawValue)
            output.line("\(status.record.instance.printable) \(state): \(status.note.printable)")
        }
        for note in again { output.line(note.printable) }
    }

    func cells(_ style: Style) -> [[String]] {
        statuses.map { status in
            let record = status.record
            let isAlive = status.standing.isAlive
            return [
                record.instance.printable, style(status.standing.colour, status.standing.rawValue),
                isAlive ? "\(record.partitions.count)" : "-",
                isAlive ? HumanText.rate(record.recordsPerSecond) : "-", isAlive ? HumanText.rate(record.errorsPerSecond) : "-",
                record.restarts.map { HumanText.count($0) } ?? "?", status.age.map(Self.seen) ?? "?", record.host.printable,
                "\(record.pid)", record.version.printable,
            ]
        }
    }

    /// Reports come every five seconds: less than a second needs no digits.
    private static func seen(_ age: Duration) -> String {
        age < .seconds(1) ? "now" : HumanText.duration(.seconds(age.components.seconds))
    }
}

extension Standing {
    var colour: Style.Colour {
        switch self {
        case .running: .green
        case .degraded, .paused, .draining, .starting: .yellow
        case .stalled, .lost: .red
        case .drained, .stopped: .grey
        }
    }
}
