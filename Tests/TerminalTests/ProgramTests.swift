import Testing

@testable import Terminal

@Suite struct ProgramTests {
    static let program = Program(
        name: "mesh", version: "1.2.3", summary: "The operator's tool",
        commands: [
            Command(
                "topics", "apply", summary: "Make the broker match", flags: [Flag("force", help: "Delete too")], run: { _ in 0 }),
            Command("topics", "diff", summary: "Show what differs", run: { _ in 0 }),
            Command(
                "up", summary: "Start", arguments: [Argument("BOT", .zeroOrMore, help: "Bots")],
                flags: [
                    Flag("replicas", value: "BOT=N", repeats: true, help: "How many"),
                    Flag(
                        "delivery", value: "MODE", environment: "MESH_DELIVERY", default: "exactly-once",
                        choices: ["exactly-once", "at-least-once"], help: "Guarantee"),
                    Flag("log", value: "FILE", help: "Where"),
                ], run: { _ in 0 }),
            Command("cancel", summary: "Cancel a build", arguments: [Argument("BUILD", help: "Its id")], run: { _ in 0 }),
            Command("shell", summary: "Print", arguments: [Argument("SHELL", choices: ["bash", "zsh"], help: "It")], run: { _ in 0 }),
        ],
        commonFlags: [Flag("brokers", value: "HOST:PORT", environment: "KAFKA_BOOTSTRAP_SERVERS", help: "Kafka")],
        nameSources: ["BOT": "bots"])

    func run(_ line: String, environment: [String: String] = [:]) throws -> Invocation {
        guard case .run(let invocation) = try Self.program.parse(line.split(separator: " ").map(String.init), environment: environment)
        else {
            throw UsageError("printed instead of run")
        }
        return invocation
    }

    @Test func flagsComeFromTheLineThenTheEnvironmentThenTheDefault() throws {
        #expect(try run("up")["delivery"] == "exactly-once")
        #expect(try run("up", environment: ["MESH_DELIVERY": "at-least-once"])["delivery"] == "at-least-once")
        #expect(try run("up --delivery exactly-once", environment: ["MESH_DELIVERY": "at-least-once"])["delivery"] == "exactly-once")
        #expect(try run("up --replicas A=1 --replicas=B=2 X Y").all("replicas") == ["A=1", "B=2"])
        #expect(try run("up X -- --Y").arguments == ["X", "--Y"])
        #expect(try run("topics apply --force").has("force"))
    }

    @Test(arguments: [
        ("topcs apply", "mesh has no command 'topcs'; did you mean 'topics'?"),
        ("topics aply", "mesh topics has no 'aply'; did you mean 'apply'?"),
        ("topics", "mesh topics needs one of: apply, diff"),
        ("up --replica A=1", "mesh up has no flag --replica; did you mean '--replicas'? All of them: mesh help up"),
        ("topics diff --bogus", "mesh topics diff has no flag --bogus. All of them: mesh help topics diff"),
        ("up --delivery atleastonce", "--delivery takes exactly-once, at-least-once, not 'atleastonce'; did you mean 'at-least-once'?"),
        ("up --replicas", "--replicas needs a value: --replicas BOT=N"),
        ("topics apply --force=1", "--force takes no value"),
        ("cancel", "mesh cancel BUILD [FLAG …]: BUILD is missing"),
        ("shell bahs", "SHELL is bash, zsh, not 'bahs'; did you mean 'bash'?"),
        ("cancel a b", "mesh cancel BUILD [FLAG …]: 'b' is one too many"),
        ("up --delivery exactly-once --delivery exactly-once", "--delivery was given twice"),
    ]) func wrongUseNamesTheNearestRightOne(line: String, message: String) {
        #expect(throws: UsageError(message)) { try run(line) }
    }

    @Test func aMistypedSecondWordGetsTheNearestToo() {
        let audit = Program(
            name: "mesh", version: "1", summary: "",
            commands: [
                Command("audit", summary: "Show who did what", run: { _ in 0 }),
                Command("audit", "verify", summary: "Check it", run: { _ in 0 }),
            ])
        #expect(throws: UsageError("mesh audit: 'verfy' is one too many; did you mean 'audit verify'?")) {
            try audit.parse(["audit", "verfy"], environment: [:])
        }
    }

    @Test func wrongValuesInTheEnvironmentAreNamedToo() {
        #expect(throws: UsageError("MESH_DELIVERY takes exactly-once, at-least-once, not 'x'. Try: mesh help up")) {
            try run("up", environment: ["MESH_DELIVERY": "x"])
        }
    }

    @Test(arguments: ["--help", "help", "help up", "up --help", "--version"]) func helpIsPrinted(line: String) throws {
        guard case .print(let text) = try Self.program.parse(line.split(separator: " ").map(String.init), environment: [:]) else {
            Issue.record("ran instead of printing")
            return
        }
        #expect(!text.isEmpty)
        if line.contains("up") { #expect(text.contains("[environment: MESH_DELIVERY]")) }
    }

    @Test func numbersHaveARange() throws {
        let invocation = try run("up --brokers 12")
        #expect(try invocation.integer("brokers", in: 1...20) == 12)
        #expect(throws: UsageError("--brokers takes a whole number from 1 to 5, not '12'")) { try invocation.integer("brokers", in: 1...5) }
    }
}
