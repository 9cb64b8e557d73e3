import Bots
import FoundationEssentials
import Glibc
import Terminal
import Topology

/// What a person asks of configuration files, without a broker.
enum ConfigurationCommands {
    static let all = [
        Command(
            "validate", summary: "Check bots' configuration files, and report every problem at once",
            discussion: """
                Each problem is a line: file:line:column, what is wrong, what was expected, the nearest valid name. Warnings do not fail.
                A directory stands for all configuration files in it. Exit status: 0 all is well, 1 problems, 2 something could not be read.
                """,
            json: """
                one object: files, problems (severity, file, line, column, path, message, expected, nearest), unreadable (file, \
                message)
                """,
            arguments: [Argument("FILE", .oneOrMore, help: "configuration files, or directories of them")],
            flags: [
                Flag("format", value: "FORMAT", default: "text", choices: ["text", "json"], help: "how to print the problems"),
                Flag("env", value: "NAME", help: "lay the overlays of this environment over the files"),
                Flag("whole", help: "the files are the whole mesh: a required bot that is missing is an error"),
            ],
            run: { try validate($0) }),
        Command(
            "config show", summary: "Print a bot's configuration, with the file that each value came from",
            json: "one object: configuration, and origins, the file and line of each value by its path",
            arguments: [Argument("NAME", help: "the bot's name")],
            flags: [
                Flag("format", value: "FORMAT", default: "yaml", choices: ["yaml", "json"], help: "how to print it"),
                Flag("env", value: "NAME", environment: "MESH_ENV", help: "lay the overlay of this environment over it"),
                Flag("config-dir", value: "DIR", environment: "MESH_CONFIG_DIR", help: "the bots' configuration; absent, deploy/bots"),
            ],
            run: { try show($0) }),
    ]

    private static func knowledge(_ invocation: Invocation) throws -> ConfigurationKnowledge {
        let home = try Home.find(invocation.environment)
        return ConfigurationKnowledge(
            bots: BotRegistry.all, custom: BotRegistry.custom, catalogue: try CatalogueLoader.load(directory: home.topics))
    }

    private static func validate(_ invocation: Invocation) throws -> Int32 {
        finish(
            ValidateReport.make(
                files: invocation.arguments, environment: invocation["env"], asJSON: invocation["format"] == "json",
                isWholeMesh: invocation.has("whole"), knowledge: try knowledge(invocation), isDirectory: isDirectory))
    }

    private static func show(_ invocation: Invocation) throws -> Int32 {
        let directory = try invocation["config-dir"].map(absolute) ?? Home.find(invocation.environment).bots
        return finish(
            ConfigurationDisplay.make(
                name: invocation.arguments[0], directory: directory, environment: invocation["env"], asJSON: invocation["format"] == "json",
                knowledge: try knowledge(invocation)))
    }

    private static func isDirectory(_ path: String) -> Bool {
        guard let status = try? FileManager.default.attributesOfItem(atPath: path) else { return false }
        return status[.type] as? FileAttributeType == .typeDirectory
    }

    private static func finish(_ report: CommandReport) -> Int32 {
        Terminal.write(report.output, to: STDOUT_FILENO)
        return report.exitStatus
    }
}
