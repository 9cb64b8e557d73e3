import Glibc
import Terminal

/// Starting and stopping the mesh on this machine.
enum LocalMeshCommands {
    private static func meshFlags(environment: String) -> [Flag] {
        [
            Flag("replicas", value: "BOT=N", repeats: true, help: "how many processes a bot gets; 1 where nothing is said"),
            Flag("env", value: "NAME", environment: "MESH_ENV", default: environment, help: "the overlay of deploy/bots that is used"),
            Flag("config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots"),
            Flag(
                "delivery", value: "MODE", environment: "MESH_DELIVERY", default: "exactly-once",
                choices: ["exactly-once", "at-least-once"],
                help: "what the bots promise"),
            Flag(
                "secure",
                help: "the local broker asks who is there, and lets each bot do what its contract says and nothing else"),
            Flag(
                "port", value: "PORT", environment: "MESH_PORT", default: "9092",
                help: "where the local broker listens; a free one when it is taken"),
        ]
    }

    static let all = [
        Command(
            "up", summary: "Start the mesh: a broker if none is named, the topics, and every enabled bot",
            discussion: """
                Prints a line for each event until Ctrl-C, which lets the bots finish their work (25 s at most); a second Ctrl-C ends them at once.
                With --brokers or KAFKA_BOOTSTRAP_SERVERS the bots run against that Kafka, and no broker is started.
                With --detach it returns when every bot runs, and the mesh goes on in the background, also when the terminal is closed; its log is
                logs/mesh.log under the data directory, and mesh down ends it. While it runs, mesh scale, pause, resume and drain change what runs; what
                they said last also holds at the next start.
                """,
            arguments: [Argument("BOT", .zeroOrMore, help: "only these bots; absent, all that are enabled")],
            flags: meshFlags(environment: "development") + [
                Flag("detach", help: "return when every bot runs; the mesh goes on in the background")
            ],
            run: { invocation in
                invocation.has("detach") ? try Detach(invocation: invocation).run() : try LocalMesh(invocation).runUntilStopped()
            }),
        Command(
            "down", summary: "Stop the mesh that runs here, and the services that it has deployed", run: { try Down(invocation: $0).run() }),
        Command(
            "demo", summary: "Show the main job: a commit is built, tested, scanned, deployed, watched and reported",
            discussion: """
                Starts the mesh, makes a small real repository with a git hook, pushes a commit, follows it to the deployed service, and opens that.
                --all also pushes a commit whose test fails, and one that answers but is not healthy, which rolls back.
                """,
            flags: meshFlags(environment: "demo") + [Flag("all", help: "also show a failing test, and a bad deploy that rolls back")],
            run: { invocation in try Demo(invocation).run() }),
    ]
}
