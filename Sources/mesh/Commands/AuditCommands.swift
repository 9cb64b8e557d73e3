import Terminal

/// `mesh audit …`: who did what.
enum AuditCommands {
    private static let timeout = Flag.timeout("30s", help: "give up when Kafka brings nothing for this time although there is more")

    static let all = [
        Command(
            "audit", summary: "Show who did what, when, and in which run: calls of bots to the outside, and what people decided",
            discussion: """
                The newest come last. CORRELATION is the run that led to it; mesh trace shows that run from its first event on.

                  mesh audit --actor BuildBot --from -1h
                  mesh audit --action 'deploy.*' --format json
                """,
            json: "one object a record: partition, offset, and the fields of mesh.audit (docs/events.md)",
            flags: [
                Flag("actor", value: "NAME", help: "only of this person, bot or instance: ada, BuildBot, BuildBot-2"),
                Flag("action", value: "ACTION", help: "only this: call.started, call.finished, deploy.approved, 'dlq.*' …"),
                Flag("correlation", value: "ID", help: "only of this run; the beginning of its id is enough where that is a UUID"),
                Flag("from", value: "TIME", help: "only from this time on: -10m (so long ago), or 2026-01-31T12:00:00Z"),
                Flag("to", value: "TIME", help: "only before this time"),
                Flag("max", value: "N", help: "at most so many, the newest; absent, 50, and all of them as JSON"), timeout, .format,
            ],
            run: { try AuditReading($0).list() }),
        Command(
            "audit verify", summary: "Check the chains of hashes on mesh.audit",
            discussion: """
                Each process writes a chain: a record's hash covers its content and the hash before it, and the first record of a chain goes on from the last one of
                the same instance. A record that was altered, is missing, or was moved is named by partition and offset; the exit status is then 1.
                What nobody can tell: whether the last records of an actor were cut off, and what retention has deleted.

                Of a person's two first commands within half a minute both may be the first of their chains: nothing was there for either to go on from. What
                mesh replay --file --audit copied into this mesh is named although nobody did harm, as it goes on from records of another one.
                """,
            json: """
                one object a finding: partition, offset, actor, chain, sequence, problem, message; at the end one with records, \
                chains, actors, problems, chains_without_link, chains_beyond_beginning, \
                chains_begun_together, lost
                """,
            flags: [timeout, .format], run: { try AuditReading($0).verify() }),
    ]
}
