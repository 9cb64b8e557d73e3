import Terminal

/// `mesh dlq …`: what could not be handled.
enum DeadLetterCommands {
    private static let quarantine = Flag(
        "quarantine-after", value: "N", default: String(DeadLetterState.standardLimit),
        help: "so many times put back, and a dead letter is quarantined: shown as such, and not put back again without --force")
    private static let places = Argument("PLACE", .zeroOrMore, help: "dead letters by PARTITION@OFFSET, as mesh dlq list shows them")
    private static let whole = Flag("all", help: "all of them: needed where nothing else chooses")
    private static let timeout = Flag.timeout("30s", help: "give up when Kafka brings nothing for this time although there is more")
    private static let dryRun = Flag("dry-run", help: "only say what would be done")
    private static let delivery = Flag(
        "delivery", value: "MODE", environment: "MESH_DELIVERY", default: "exactly-once", choices: ["exactly-once", "at-least-once"],
        help: "at-least-once is for brokers without transactions: killed half way, it may repeat records, with the same ids")

    static let all = [
        Command(
            "dlq list", summary: "Show dead letters: where each came from, why, and what has become of it",
            discussion: """
                Those that are open or quarantined, unless --state says other; the newest come last. PLACE is partition and offset in mesh.dlq, as kcat shows them; ORIGIN is where the record lay first.

                  mesh dlq list --bot BuildBot --newer-than 1h
                  mesh dlq list --topic 'build.*' --where "branch == 'main'" --format json
                """,
            json: """
                one object a dead letter: partition, offset, at, age_seconds, bot, reason, message, topic, origin_partition, \
                origin_offset, attempts, first_failure, redrives, state; what is not known is left out
                """,
            flags: DeadLetterSelection.flags + [
                quarantine, Flag("max", value: "N", help: "at most so many, the newest; absent, 50, and all of them as JSON"),
                timeout, .format,
            ],
            run: { try DeadLetterLooking($0).list() }),
        Command(
            "dlq show", summary: "Show dead letters whole: envelope, error, origin, attempts and headers",
            discussion: """
                What is no envelope is shown as text, or in hexadecimal where it is no text.

                  mesh dlq show 3@10482
                """,
            json: """
                one object a dead letter: what dlq list has, and key, headers (name, value), trace, mark (state, by, at), and \
                envelope, else envelope_error with value or is_null
                """,
            arguments: [Argument("PLACE", .oneOrMore, help: "PARTITION@OFFSET, as mesh dlq list shows it")],
            flags: [quarantine, Flag("full", help: "all of a long value"), timeout, .format], run: { try DeadLetterLooking($0).show() }),
        Command(
            "dlq redrive", summary: "Put dead letters back: to the bot that gave them up, and to nobody else",
            discussion: """
                Each goes to retry.BOT with its first origin, so that ids stay the same, and is marked in the same transaction (mesh.dlq_marks): whoever stops
                or kills the command and runs it again puts each back exactly once. What fails again becomes a new dead letter that counts its redrives.

                  mesh dlq redrive --bot TestBot --dry-run
                  mesh dlq redrive --bot TestBot --reason invalid-payload --rate 100
                  mesh dlq redrive 3@10482 4@77

                The exit status is 1 when some that are meant cannot be put back, and 130 when it was interrupted.
                """,
            json: """
                one object: redriven, planned, failed, already_redriven, purged, quarantined, unredrivable, beyond_max, dry_run, \
                stopped
                """,
            arguments: [places],
            flags: DeadLetterSelection.flags + [
                whole, dryRun, Flag("rate", value: "N", help: "at most so many records a second"),
                Flag("max", value: "N", help: "at most so many records"), Flag("force", help: "also what is quarantined"), quarantine,
                delivery,
                .format,
            ],
            run: { try DeadLetterDoing($0).redrive() }),
        Command(
            "dlq purge", summary: "Take dead letters out of sight, and out of the log where that is possible",
            discussion: """
                Means those that are open or quarantined, unless --state says other. A purged dead letter is marked, not listed any more, and never put back. Kafka can delete only the beginning of a partition: records are deleted
                up to the first that is not purged; those behind it stay in mesh.dlq, marked, until that is purged too or the topic's retention ends.

                  mesh dlq purge --bot TestBot --older-than 7d
                """,
            json: """
                one object: purged, still_in_log, deleted_before (an offset for each partition), problem, dry_run, stopped
                """,
            arguments: [places],
            flags: DeadLetterSelection.flags + [whole, dryRun, Flag("yes", help: "do not ask"), quarantine, delivery, timeout, .format],
            run: { try DeadLetterDoing($0).purge() }),
        Command(
            "dlq stats", summary: "Count dead letters by bot, reason, topic and age",
            discussion: "Open ones, quarantined ones, and those that were put back or purged are counted apart.",
            json: """
                one object a row: by (bot, reason, topic, age; all for the sum), name, open, quarantined, redriven, purged
                """,
            flags: DeadLetterSelection.flags + [quarantine, timeout, .format], run: { try DeadLetterLooking($0).stats() }),
    ]
}
