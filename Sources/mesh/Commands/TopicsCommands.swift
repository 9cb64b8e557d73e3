import Bots
import Glibc
import Kafka
import Terminal
import Topology

/// The topics of the mesh and those of a broker, compared.
enum TopicsCommands {
    private static let force = Flag(
        "force",
        help: "also do what loses records, or what a bot keeps: delete topics that nobody wants, shrink, and spread a bot's states anew"
    )

    private static let stepForm = """
        one object a step: action (create, add-partitions, change, shrink, delete), topic, loses_records (or what a bot \
        keeps: done only with --force), partitions_before, partitions_after, changes (setting, before, after)
        """

    static let all = [
        Command(
            "topics list", summary: "Show every topic of the mesh: owner, partitions, retention, key",
            discussion: """
                With --format strimzi the KafkaTopics of a cluster.

                  mesh topics list --format strimzi --cluster my-cluster | kubectl apply -f -
                """,
            json: """
                one object a topic: topic, owner, producers, kind (event, log, internal), partitions, cleanup, retention_seconds \
                (null: for ever), max_bytes, key, version, summary
                """,
            flags: ConfigurationFlags.all + [
                .format(["text", "json", "strimzi"]), ConfigurationFlags.cluster, ConfigurationFlags.replicas("3"),
            ], run: list),
        Command(
            "topics describe", summary: "Show one topic as the catalogue wants it and as the broker has it",
            discussion: """
                The exit status is 1 when the broker lacks the topic, or has it otherwise than the catalogue wants. OFFSETS counts offsets, not records: transactions and
                compaction leave gaps.

                  mesh topics describe build.completed
                """,
            json: """
                one object: topic, definition (as topics list has it), consumers, required, optional, example, partitions \
                (partition, leader, replicas, in_sync, first, end), differences (what, wanted, actual), missing_at_broker
                """,
            arguments: [Argument("TOPIC", help: "its name")], flags: ConfigurationFlags.all + [.format], run: describe),
        Command(
            "topics diff", summary: "Show what it takes to make the broker's topics those of the mesh",
            discussion: """
                The exit status is 0 when nothing is to be done, and 1 when something is.
                """,
            json: stepForm,
            flags: ConfigurationFlags.all + [.format], run: diff),
        Command(
            "topics apply", summary: "Make the broker's topics those of the mesh; never deletes or shrinks without --force",
            json: stepForm + ", done",
            flags: ConfigurationFlags.all + [force, .format], run: apply),
        Command("topics reference", summary: "Print the reference of all events (docs/events.md)", run: reference),
    ]

    @Sendable private static func list(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let output = Output(invocation)
        if invocation["format"] == "strimzi" {
            let replicas = try invocation.integer("replicas", in: 1...32) ?? 3
            let text = plan.catalogue.strimziTopics(bots: plan.topicOwners, cluster: try invocation.cluster(), replicas: replicas)
            Terminal.write(text, to: STDOUT_FILENO)
            return 0
        }
        let topics = plan.catalogue.topics(bots: plan.topicOwners)
        if output.format == .json {
            for topic in topics { try output.object(TopicObject(topic)) }
            return 0
        }
        let columns: [Column] = [
            "TOPIC", Column("OWNER", mayShrink: true), Column("PART", .right), "RETENTION", Column("KEY", mayShrink: true),
            Column("SUMMARY", mayShrink: true),
        ]
        // A summary of ten letters says nothing.
        let count = (output.width ?? .max) < 100 ? columns.count - 1 : columns.count
        let rows = topics.map { [$0.type.name, $0.owner, "\($0.partitions)", $0.retentionText, $0.key.isEmpty ? "-" : $0.key, $0.summary] }
        output.table(Array(columns.prefix(count)), rows.map { Array($0.prefix(count)) })
        return 0
    }

    @Sendable private static func describe(_ invocation: Invocation) throws -> Int32 {
        let plan = try invocation.plan()
        let admin = try AdminClient(invocation.settings())
        defer { admin.close() }
        let inspector = TopicInspector(admin: admin, catalogue: plan.catalogue, bots: plan.topicOwners, contracts: try plan.contracts())
        let name = invocation.arguments[0]
        let description = try inspector.describe(name)
        let output = Output(invocation)
        if output.format == .json {
            try output.object(description)
        } else {
            let retention = inspector.definition(of: name)?.retentionText
            let lines = description.lines(style: output.style, width: output.width ?? Program.helpWidth, retention: retention)
            for line in lines { output.line(line) }
            if !description.isMissing {
                output.line()
                output.table(TopicDescription.columns, description.rows)
            }
        }
        return description.isMissing || !description.differences.isEmpty ? 1 : 0
    }

    @Sendable private static func diff(_ invocation: Invocation) throws -> Int32 {
        try withPlan(invocation) { plan, _ in
            let output = Output(invocation)
            if output.format == .json {
                for step in plan.steps { try output.object(TopicStepObject(step)) }
                for warning in plan.warnings { Terminal.write("mesh: warning: \(warning)\n", to: STDERR_FILENO) }
            } else {
                output.line(plan.text)
            }
            return plan.isEmpty ? 0 : 1
        }
    }

    @Sendable private static func apply(_ invocation: Invocation) throws -> Int32 {
        try withPlan(invocation) { plan, applier in
            let output = Output(invocation)
            if output.format == .text { output.line(plan.text) }
            let done = try applier.apply(plan, force: invocation.has("force"))
            let left = plan.steps.count - done.count
            if output.format == .json {
                for step in plan.steps { try output.object(TopicStepObject(step, isDone: done.contains(step))) }
            } else if !plan.isEmpty {
                output.line("\(done.count) done" + (left > 0 ? ", \(left) left: they lose records, or what a bot keeps; see --force" : ""))
            }
            return left == 0 ? 0 : 1
        }
    }

    @Sendable private static func reference(_ invocation: Invocation) throws -> Int32 {
        let home = try Home.find(invocation.environment)
        Terminal.write(try CatalogueLoader.load(directory: home.topics).reference, to: STDOUT_FILENO)
        return 0
    }

    private static func withPlan(_ invocation: Invocation, _ body: (TopicPlan, TopicApplier) throws -> Int32) throws -> Int32 {
        let mesh = try invocation.plan()
        let admin = try AdminClient(invocation.settings())
        defer { admin.close() }
        let applier = TopicApplier(admin)
        return try body(try applier.plan(mesh.catalogue, bots: mesh.topicOwners), applier)
    }
}
