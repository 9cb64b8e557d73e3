import Glibc
import Kafka
import Terminal

/// How far the bots have come with their topics.
enum LagCommands {
    static let all = [
        Command(
            "lag", summary: "Show how far each bot is behind, partition by partition",
            discussion: """
                LAG counts the offsets between what the bot has committed and the partition's end, as kafka-consumer-groups does; 0 also where only marks of
                transactions are left. BEHIND is the age of the first record that it has not read. TREND is how lag grows (+) or falls (-), and DRAIN how
                long the rest takes at that pace: never where it does not fall. In a bot's topic of retries and reminders (retry.*) records wait for their
                time: DRAIN says when the first one is due. A `?` is not known, which is not 0; a `-` is that nothing was committed yet.
                Two looks, --interval apart, are taken: a partition with records that did not move between them is warned of, and so are more replicas than
                partitions. The exit status is 1 when there is a warning.

                Examples:
                  mesh lag
                  mesh lag --bot BuildBot --watch
                  mesh lag --format json | jq -s 'map(.lag_records) | add'
                """,
            json: """
                one object a partition: at, group, topic, partition, committed, end, lag_records, lag_seconds, \
                trend_records_per_second, drain_seconds, stands_still, \
                due_at (when the first record may be handled, where it waits for its time), owner; what is not known is null
                """,
            flags: [
                Flag("bot", value: "NAME", repeats: true, help: "only this bot; repeats"),
                Flag("watch", help: "look again and again, until Ctrl-C"),
                Flag("interval", value: "DURATION", default: "2s", help: "between two looks"),
                Flag("all", help: "also partitions that never held a record"), .format,
            ], run: run)
    ]

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let interval = try invocation.duration("interval", in: .milliseconds(200) ... .seconds(3600)) ?? .seconds(2)
        let stop = invocation.has("watch") ? StopSign.watch() : nil
        let settings = try invocation.settings()
        let output = Output(invocation)
        let waiting = WaitingLine(output)
        waiting.show(invocation.has("watch") ? "reading …" : "reading, twice …")
        defer { waiting.clear() }
        let state = try MeshState(settings)
        defer { state.close() }
        for bot in invocation.all("bot") { try state.check(bot) }
        let reader = try LagReader(settings)
        defer { reader.close() }
        var trend = LagTrend()
        var looks = 0
        while true {
            try state.follow(timeout: .zero)
            let bots = invocation.all("bot").isEmpty ? state.bots.sorted() : invocation.all("bot")
            let sample = try reader.sample(bots, state.statuses())
            trend.add(sample)
            looks += 1
            let view = LagView(sample: sample, trend: trend, showsUnused: invocation.has("all"))
            waiting.clear()
            if invocation.has("watch") || looks == 2 { try show(view, output, isWatch: invocation.has("watch")) }
            if !invocation.has("watch"), looks == 2 { return LagWarnings(sample, trend).problems.isEmpty ? 0 : 1 }
            // From the end of a look: the first one takes long, and two looks at once would tell of a standstill that is none.
            if !invocation.has("watch") { waiting.show("reading again in \(HumanText.duration(interval)) …") }
            let next = ContinuousClock.now.advanced(by: interval)
            while ContinuousClock.now < next {
                if stop?.isSet == true { return 0 }
                try state.follow(timeout: min(.milliseconds(250), ContinuousClock.now.duration(to: next)))
            }
        }
    }

    private static func show(_ view: LagView, _ output: Output, isWatch: Bool) throws {
        if output.format == .json {
            for row in view.rows { try output.object(row) }
            return
        }
        // On a terminal each look takes the place of the one before.
        let time = view.sample.wall.text
        if isWatch { output.line(output.width == nil ? "\n\(time)" : "\u{1b}[H\u{1b}[2J\(time)  Ctrl-C ends") }
        view.print(to: output)
    }
}
