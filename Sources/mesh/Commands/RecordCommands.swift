import Envelopes
import Glibc
import Kafka
import Terminal

/// Looking at records, and writing them.
enum RecordCommands {
    static let all = [
        Command(
            "tail", summary: "Show what comes on topics, in the order of time, until Ctrl-C",
            discussion: """
                A pattern is words between dots: * stands for one, # for any number, so 'build.*' is all that BuildBot says and '#' is every event. The mesh's own
                topics are shown where they are named (mesh.dlq, 'mesh.*', 'retry.*'), logs where the pattern ends with log ('*.log'). Topics that appear
                later and match are taken in; a word that means no topic yet is wrong use. What is no envelope is shown as such. Times are the records' own, in UTC; topic[partition]@offset is what kcat shows too.
                The order is exact for what is read from the past, as long as at most 100,000 records (32 MiB) have to wait for an earlier one; what is new waits 250 ms.

                Examples:
                  mesh tail 'build.*' 'test.*'
                  mesh tail '#' --from -10m --where "branch == 'main'"
                  mesh tail '#' --correlation a1a313a4 --from beginning --no-follow --format json
                """,
            json: """
                one object a record: topic, partition, offset, timestamp, key (key_base64 where it is no text), headers where they \
                are asked for, and envelope; of what is no envelope value or value_base64, and problem where it should have been \
                one
                """,
            arguments: [Argument("TOPIC", .oneOrMore, help: "topics, or patterns such as 'build.*' and '#'")],
            flags: [
                Flag(
                    "from", value: "PLACE", default: "end",
                    help: "beginning, end, -10m (so long ago), a time such as 2026-01-31T12:00:00Z, or an offset in each partition"),
                RecordFilter.whereFlag, RecordFilter.correlationFlag, RecordFilter.botFlag,
                Flag("no-follow", help: "end where the topics end now, instead of waiting for more"),
                Flag("max", value: "N", help: "end after so many records"),
                Flag("headers", help: "show each record's headers too"),
                .format,
            ], run: { try tail($0) }),
        Command(
            "trace", summary: "Show everything that happened in one run: events, calls, retries, dead letters, logs, artifacts",
            discussion: """
                Reads all topics once. A run is named by its correlation id, the beginning of it (four characters or more) when no other run begins so, or the
                id of one of its events. CAUSE is the number of what led to it, and how long after that it happened. Calls come from the audit.

                Examples:
                  mesh trace a1a313a4
                  mesh trace a1a313a4-3476-5158-bc52-cfe1c1acaa7f --from -1h --format mermaid
                """,
            json: """
                one object a thing that happened: kind (event, call, person, retry, dead_letter, log; at the end run), number, time, \
                offset_seconds, name, by, place, id, cause, since_cause_seconds, duration_seconds, failure, run_id, replay, detail, \
                artifact (url, sha256, size_bytes), lines, excerpt; what does not apply is left out
                """,
            arguments: [Argument("ID", help: "a correlation id, its beginning, or an event's id")],
            flags: [
                Flag(
                    "from", value: "PLACE", default: "beginning",
                    help: "read no further back: e.g. -2h, or a time such as 2026-01-31T12:00:00Z"),
                Flag("log-lines", value: "N", default: "5", help: "how many of each step's last lines are shown"),
                .format(["text", "json", "mermaid"]),
            ], run: { try trace($0) }),
    ]

    private static func tail(_ invocation: Invocation) throws -> Int32 {
        let output = Output(invocation)
        let options = Tail.Options(
            choice: try TopicChoice(invocation.arguments), from: try invocation.moment("from") ?? .end,
            filter: try RecordFilter(invocation),
            follows: !invocation.has("no-follow"), maximum: try invocation.integer("max", in: 1...Int.max),
            line: TailLine(format: invocation.format, style: output.style, showsHeaders: invocation.has("headers")))
        FieldCheck.tell(options.filter.condition, options.choice, invocation)
        let stop = StopSign.watch()
        let isWhole = try Tail(try invocation.settings(), options, stop: stop).run()
        return isWhole || Interruption.isWatch(invocation) ? 0 : 1
    }

    private static func trace(_ invocation: Invocation) throws -> Int32 {
        let stop = StopSign.watch()
        let search = RunSearch(
            try invocation.settings(), from: try invocation.moment("from") ?? .beginning,
            logLines: try invocation.integer("log-lines", in: 0...1_000) ?? 5, environment: invocation.environment, stop: stop)
        let view = TraceView(timeline: try search.find(invocation.arguments[0]))
        let output = Output(invocation)
        switch invocation["format"] {
        case "mermaid": output.line(view.mermaid())
        case "json": for object in view.objects() { try output.object(object) }
        default: view.write(to: output)
        }
        return 0
    }
}
