import Bots
import Glibc
import Kafka
import Terminal
import Topology

/// The topics of the mesh and those of a broker, compared.
enum TopicsCommands {
    private static let force = Flag("force", help: "also do what loses records: delete topics that nobody wants, and shrink")

    static let all = [
        Command(
            "topics", "list", summary: "Show every topic of the mesh: owner, partitions, retention, key", flags: ConfigurationFlags.all,
            run: list),
        Command(
            "topics", "diff", summary: "Show what it takes to make the broker's topics those of the mesh",
            discussion: "The exit status is 0 when nothing is to be done, and 1 when something is.", flags: ConfigurationFlags.all,
            run: diff),
        Command(
            "topics", "apply", summary: "Make the broker's topics those of the mesh; never deletes or shrinks without --force",
            flags: ConfigurationFlags.all + [force], run: apply),
        Command("topics", "reference", summary: "Print the reference of all events (docs/events.md)", run: reference),
    ]

    private static func list(_ invocation: Invocation) throws -> Int32 {
        let plan = try MeshPlan(invocation, home: Home.find(invocation.environment))
        say(plan.catalogue.table(bots: plan.topicOwners))
        return 0
    }

    private static func diff(_ invocation: Invocation) throws -> Int32 {
        try withPlan(invocation) { plan, _ in
            say(plan.text)
            return plan.isEmpty ? 0 : 1
        }
    }

    private static func apply(_ invocation: Invocation) throws -> Int32 {
        try withPlan(invocation) { plan, applier in
            say(plan.text)
            let done = try applier.apply(plan, force: invocation.has("force"))
            let left = plan.steps.count - done.count
            if !plan.isEmpty { say("\(done.count) done" + (left > 0 ? ", \(left) left: they lose records; see --force" : "")) }
            return left == 0 ? 0 : 1
        }
    }

    private static func reference(_ invocation: Invocation) throws -> Int32 {
        let home = try Home.find(invocation.environment)
        Terminal.write(try CatalogueLoader.load(directory: home.topics).reference, to: STDOUT_FILENO)
        return 0
    }

    private static func withPlan(_ invocation: Invocation, _ body: (TopicPlan, TopicApplier) throws -> Int32) throws -> Int32 {
        let mesh = try MeshPlan(invocation, home: Home.find(invocation.environment))
        let admin = try AdminClient(invocation.settings())
        defer { admin.close() }
        let applier = TopicApplier(admin)
        return try body(try applier.plan(mesh.catalogue, bots: mesh.topicOwners), applier)
    }

    private static func say(_ text: String) { Terminal.write(text + "\n", to: STDOUT_FILENO) }
}
