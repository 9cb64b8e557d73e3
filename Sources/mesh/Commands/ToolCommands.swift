import Bots
import FoundationEssentials
import Glibc
import Terminal
import Topology

/// What the tool says of itself: documentation and completion, made from the definitions of its commands.
enum ToolCommands {
    /// How `docs/mesh.md` is renewed.
    static let renewal = "mesh docs > docs/mesh.md"

    static let all = [
        Command(
            "completion", summary: "Print a script that teaches a shell to complete commands, flags, bots and topics",
            discussion: """
                For this shell, or for every one to come:

                  source <(mesh completion bash)
                  mesh completion bash > ~/.local/share/bash-completion/completions/mesh
                  mesh completion zsh > ~/.zfunc/_mesh
                  mesh completion fish > ~/.config/fish/completions/mesh.fish
                """,
            arguments: [Argument("SHELL", choices: Shell.allCases.map(\.rawValue), help: "the shell")], run: completion),
        Command(
            "completion names", summary: "Print the names that a shell may complete: what the scripts run",
            arguments: [Argument("KIND", choices: Names.allCases.map(\.rawValue), help: "whose names")], run: names),
        Command(
            "man", summary: "Print a manual page, or write all of them into a folder",
            discussion: """
                To read one, or to install them all:

                  mesh man topics diff | man -l -
                  mesh man --output ~/.local/share/man/man1
                """,
            arguments: [Argument("COMMAND", .zeroOrMore, help: "the command's words; absent, the page of mesh itself")],
            flags: [Flag("output", value: "DIR", help: "write every page into this folder, which is made where it is missing")], run: man),
        Command(
            "docs", summary: "Print the reference of all commands (docs/mesh.md)",
            run: { _ in
                Terminal.write(Mesh.program.reference(renewal: renewal), to: STDOUT_FILENO)
                return 0
            }),
    ]

    /// The kinds of names that stand on command lines.
    enum Names: String, CaseIterable { case bots, topics }

    @Sendable private static func completion(_ invocation: Invocation) throws -> Int32 {
        guard let shell = Shell(rawValue: invocation.arguments[0]) else { throw UsageError("no such shell") }
        Terminal.write(Mesh.program.completion(for: shell), to: STDOUT_FILENO)
        return 0
    }

    @Sendable private static func names(_ invocation: Invocation) throws -> Int32 {
        let home = try Home.find(invocation.environment)
        let catalogue = try CatalogueLoader.load(directory: home.topics)
        let names: [String]
        if invocation.arguments[0] == Names.topics.rawValue {
            names = catalogue.types.map(\.name)
        } else {
            let knowledge = ConfigurationKnowledge(bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: catalogue)
            names = ConfigurationLoader.load(
                try ConfigurationFiles.sources(directory: home.bots, environment: nil), knowledge: knowledge
            ).bots.map(\.configuration.name)
        }
        for name in names.sorted() { Output(invocation).line(name) }
        return 0
    }

    @Sendable private static func man(_ invocation: Invocation) throws -> Int32 {
        let program = Mesh.program
        if let folder = invocation["output"] {
            guard invocation.arguments.isEmpty else { throw UsageError("--output writes every page: leave the command out") }
            return try writePages(of: program, into: absolute(folder), Output(invocation))
        }
        guard !invocation.arguments.isEmpty else {
            Terminal.write(program.manPage, to: STDOUT_FILENO)
            return 0
        }
        guard let command = program.commands.first(where: { $0.path == invocation.arguments }) else {
            throw UsageError.unknown("command", invocation.arguments.joined(separator: " "), among: program.commands.map(\.name))
        }
        Terminal.write(program.manPage(of: command), to: STDOUT_FILENO)
        return 0
    }

    private static func writePages(of program: Program, into folder: String, _ output: Output) throws -> Int32 {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var pages = [("\(program.name).1", program.manPage)]
        pages += program.commands.map { (program.pageName($0) + ".1", program.manPage(of: $0)) }
        for (file, page) in pages { try Data(page.utf8).write(to: URL(filePath: folder + "/" + file), options: .atomic) }
        output.line("\(pages.count) pages written into \(folder)")
        return 0
    }
}
