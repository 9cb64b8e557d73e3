import BotKit
import Bots
import Envelopes
import Glibc
import Kafka
import Terminal
import Topology

/// Writing records again, and keeping them in a file.
enum ReplayCommands {
    static let all = [
        Command(
            "replay", summary: "Write records again: to their topics, to another one, or to one bot",
            discussion: """
                Key, value and headers stay as they are; mesh_replay, mesh_replay_origin and mesh_replay_timestamp are added. The replay's id is part of what bots know
                a record by: a replay is handled once, and its results are new events. Records that are replays themselves are left out. No bot calls outside
                for a replayed record, nor for what follows from it: a call is answered with the result of the original one, where the audit has it,
                else the record ends as replay-skipped, which --skipped lists. With --to-bot only that bot sees the records, and its triggers choose among them.
                Without --to it takes what stands there when it begins, but for records of a later time than that, which it counts. An interrupted replay goes on with the same words and --resume.
                A record that the broker will never take, since it is too large for instance, is counted and left out. The exit status is 1 when there was one or
                when --skipped lists something, and 130 when the replay was interrupted. The audit keeps who replayed what.

                Examples:
                  mesh replay code.committed --from -1h --where "branch == 'main'" --dry-run
                  mesh replay build.completed --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z --to-bot TestBot --speed 10x
                  mesh replay 'deploy.*' --from -1d --into replayed.deploys --rate 500
                  mesh replay code.committed --file run.jsonl --brokers test-kafka:9092
                """,
            json: """
                one object: replay, dry_run, records, topics, written, written_before, replays_left_out, later_left_out, first and last \
                (place, time), seconds, refused, interrupted; with --skipped one object an origin, bot and reason: topic, partition, bot, reason, count, first_offset, last_offset, \
                first_at, last_at; with --each one a record: place, by, reason, run_id, correlation_id, at
                """,
            arguments: [
                Argument("TOPIC", .zeroOrMore, help: "topics of events, or patterns such as 'build.*'; with --file absent: all in the file")
            ],
            flags: [
                from, to, RecordFilter.whereFlag, RecordFilter.correlationFlag, RecordFilter.botFlag,
                Flag("rate", value: "N", help: "at most so many records a second"),
                Flag("speed", value: "FACTOR", help: "with the original gaps, so many times as fast: 1x, 10x"),
                Flag("into", value: "TOPIC", help: "write all into this topic"),
                Flag("to-bot", value: "BOT", help: "only this bot sees them"),
                Flag("max", value: "N", help: "at most so many records"),
                Flag(
                    "allow-calls", help: "bots call outside for them, as if they were new: builds run, deploys happen, people are notified"),
                Flag("replayed", help: "also records that are replays themselves"),
                Flag("dry-run", help: "only count: how many, the first and the last, and how long it would take"),
                Flag("resume", value: "ID", help: "go on with the replay of this id: what it has written is not written again"),
                Flag("skipped", value: "ID", help: "tell what ended as replay-skipped in the replay of this id: by origin, bot and reason"),
                Flag("each", help: "with --skipped: list each record"),
                Flag("file", value: "FILE", help: "read a file of mesh record instead of topics; - is standard input"),
                Flag("audit", help: "with --file: first copy the file's audit records, so that calls are answered with their results"),
                Flag("config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots"),
                .format,
            ], run: { try replay($0) }),
        Command(
            "record", summary: "Keep records in a file, byte for byte: a run, or topics over a time",
            discussion: """
                The file is made for its owner alone: payloads may be private. It takes its place when it is whole: where nothing fits, none is made or replaced,
                and what is stopped replaces none.
                Each line is one record as JSON: topic, partition, offset, timestamp, key, value and headers; bytes that are no UTF-8, or more than 1 MiB, stand in base 64. With --correlation
                and without TOPIC it keeps the whole run, its logs and its audit too. mesh replay --file reads it.

                Examples:
                  mesh record --correlation a1a313a4 --out run.jsonl
                  mesh record 'build.*' --from -1h --out - | gzip > builds.jsonl.gz
                """,
            json: "one object about the file: file, records, interrupted",
            arguments: [
                Argument("TOPIC", .zeroOrMore, help: "topics or patterns; absent, with --correlation: all in which the run left something")
            ],
            flags: [
                from, to, RecordFilter.whereFlag, RecordFilter.correlationFlag, RecordFilter.botFlag,
                Flag("max", value: "N", help: "at most so many records"),
                Flag("out", value: "FILE", help: "the file to make; - is standard output"), Flag("force", help: "replace the file"),
                .format,
            ], run: { try record($0) }),
    ]

    private static let from = Flag(
        "from", value: "PLACE", default: "beginning",
        help: "beginning, -10m (so long ago), a time such as 2026-01-31T12:00:00Z, or an offset in each partition")
    private static let to = Flag("to", value: "PLACE", default: "end", help: "up to, not including: end, -1m, a time, or an offset")

    // MARK: replay

    private static func replay(_ invocation: Invocation) throws -> Int32 {
        if let id = invocation["skipped"] {
            return try SkippedReplays(id, each: invocation.has("each")).list(try invocation.settings(), Output(invocation))
        }
        if invocation.has("each") { throw UsageError("--each goes with --skipped ID") }
        let stop = StopSign.watch()
        let isFile = invocation["file"] != nil
        if invocation.arguments.isEmpty, !isFile { throw UsageError("which topics? mesh replay TOPIC…, or --file FILE") }
        if isFile, invocation["resume"] != nil, invocation["file"] == "-" {
            throw UsageError("--resume needs the file again, not standard input")
        }
        let order = try ReplayWords.order(invocation)
        let choice = invocation.arguments.isEmpty ? nil : try TopicChoice(invocation.arguments)
        let range = try range(invocation, now: order.replay.began)
        FieldCheck.tell(order.filter.condition, choice, invocation)
        let settings = try invocation.settings()
        let map = try TopicMap(settings)
        let chosen = try chosenTopics(choice, map, isFile: isFile)
        let consumed = try ReplayWords.check(order.target, chosen, map, invocation)
        if let path = invocation["file"], CheckedSource.canScan(path) {
            try CheckedSource(FileSource(path, choice), map, order, consumed: consumed).scan(stop)
        }
        if let path = invocation["file"], invocation.has("audit"), !order.isDryRun {
            try AuditCopy.copy(path, settings, stop: stop, isResumed: order.isResumed)
        }
        let file = try invocation["file"].map { path throws(UsageError) in try FileSource(path, choice) }
        let source: any RecordSource =
            if let file {
                CheckedSource(file, map, order, consumed: consumed)
            } else {
                try TopicSource(settings, map.partitions(of: chosen), from: range.from, to: range.to)
            }
        defer { source.close() }
        let targets =
            isFile && order.target == .origin ? map.names.filter { !OwnTopic.isOwn($0) } : ReplayWords.targets(order.target, chosen)
        let already =
            order.isResumed
            ? try Replayer.written(
                by: order.replay, into: map.partitions(of: targets), settings, stop: stop, environment: invocation.environment)
            : AlreadyWritten(window: Replayer.window)
        let producer = order.isDryRun ? nil : try Producer(settings)
        defer { producer?.close(timeout: .seconds(5)) }
        if !order.isDryRun { Terminal.write("replay \(order.replay.text)\n", to: STDERR_FILENO) }
        let audit = ReplayAudit(
            settings: settings, order: order, source: invocation["file"] ?? invocation.arguments.joined(separator: " "))
        // A Kafka without the topic is no mesh, and has nobody who would look into its audit.
        let isAudited = map.partitions[AuditRecord.topic] != nil
        let replayer = Replayer(
            order, source, partitions: map.partitions, already: already, producer: producer, stop: stop, environment: invocation.environment
        ) { if isAudited, let producer { try audit.write(producer) } }
        let report: ReplayReport
        do {
            report = try replayer.run()
        } catch let error as KafkaError {
            throw CommandFailure("\(error)\nWhat is written is written. To go on: the same words with --resume \(order.replay.text)")
        }
        if report.records == 0, !report.isInterrupted { try file?.checkChoice() }
        try ReplayView(report: report, order: order).write(to: Output(invocation))
        return report.isInterrupted || report.refused > 0 ? 1 : 0
    }

    /// `now` is what a place such as -10m counts from: for a replay its beginning, so that it means the same when the replay is resumed.
    private static func range(_ invocation: Invocation, now: Timestamp) throws(UsageError) -> (from: Place, to: Place) {
        let (from, to) = (try invocation.moment("from", now: now) ?? .beginning, try invocation.moment("to", now: now) ?? .end)
        try RecordRange.check(from, to)
        return (from, to)
    }

    private static func chosenTopics(_ choice: TopicChoice?, _ map: TopicMap, isFile: Bool) throws(UsageError) -> [String] {
        guard let choice, !isFile else { return [] }
        try choice.check(among: map.names)
        let chosen = choice.among(map.names)
        if let own = chosen.first(where: OwnTopic.isOwn) {
            let hint = own == OwnTopic.deadLetters ? ". For dead letters: mesh dlq redrive" : ""
            throw UsageError("\(own) is the mesh's own: only events are replayed" + hint)
        }
        return chosen
    }

    // MARK: record

    private static func record(_ invocation: Invocation) throws -> Int32 {
        let stop = StopSign.watch()
        guard let path = invocation["out"] else { throw UsageError("mesh record needs --out FILE; - is standard output") }
        let filter = try RecordFilter(invocation)
        if invocation.arguments.isEmpty, filter.correlation == nil {
            throw UsageError("what? mesh record TOPIC…, or --correlation ID for a whole run")
        }
        let maximum = try invocation.integer("max", in: 1...Int.max)
        let choice = invocation.arguments.isEmpty ? nil : try TopicChoice(invocation.arguments)
        let range = try range(invocation, now: .now)
        FieldCheck.tell(filter.condition, choice, invocation)
        let settings = try invocation.settings()
        let map = try TopicMap(settings)
        try choice?.check(among: map.names)
        let topics = choice?.among(map.names) ?? map.names.filter { !OwnTopic.isOwn($0) || $0 == AuditRecord.topic }
        let source = try TopicSource(settings, map.partitions(of: topics), from: range.from, to: range.to)
        defer { source.close() }
        let file = try RecordSink(path, replaces: invocation.has("force"))
        defer { file.close() }
        let progress = ProgressBar("recording", total: source.total, environment: invocation.environment)
        var (read, kept) = (0, 0)
        var isCut = false
        while maximum.map({ kept < $0 }) ?? true {
            guard let record = try source.next(stop) else {
                isCut = stop.isSet
                break
            }
            read += 1
            progress.advance(to: read)
            let content = RecordContent.of(record)
            guard filter.admits(record, content) else { continue }
            try file.write(record)
            kept += 1
        }
        progress.end()
        if kept == 0, !isCut, let run = filter.correlation {
            let range = "from \(invocation["from"] ?? "beginning") to \(invocation["to"] ?? "end")"
            let others = try RunSearch(settings, from: .beginning, logLines: 0, environment: invocation.environment, stop: stop)
                .recent(map, near: run)
            throw CommandFailure(
                "nothing of a run '\(run.printable)' was found in \(place(choice, topics)), \(range), so no file was made" + others)
        }
        let isMade = try file.finish(isWhole: !isCut)
        let place = path == "-" ? "standard output" : path
        let summary =
            (isMade ? "\(counted(kept, "record")) in \(place)" : "\(counted(kept, "record")) found, \(place) is as it was")
            + (isCut ? ", stopped before the end" : "")
        if path == "-" {
            Terminal.write("mesh: \(summary)\n", to: STDERR_FILENO)
        } else if invocation.format == .json {
            try Output(invocation).object(Recorded(file: path, records: isMade ? kept : 0, isInterrupted: isCut))
        } else {
            Output(invocation).line(summary)
        }
        return isCut ? 1 : 0
    }

    /// Where a recording looks.
    private static func place(_ choice: TopicChoice?, _ topics: [String]) -> String {
        guard let choice else { return "\(HumanText.count(topics.count)) topics (all events, their logs, and \(AuditRecord.topic))" }
        return choice.patterns.map(\.description).joined(separator: ", ")
    }

    private struct Recorded: Encodable {
        var file: String
        var records: Int
        var isInterrupted: Bool

        enum CodingKeys: String, CodingKey {
            case file, records
            case isInterrupted = "interrupted"
        }
    }
}
