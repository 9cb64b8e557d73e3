import BotKit
import Envelopes

/// What a command prints, and its exit status: 0 all is well, 1 problems were found, 2 something could not be read.
public struct CommandReport: Sendable, Equatable {
    public let output: String
    public let exitStatus: Int32

    public init(output: String, exitStatus: Int32) {
        self.output = output
        self.exitStatus = exitStatus
    }
}

/// `mesh validate FILE… [--environment NAME] [--format text|json]`.
public enum ValidateReport {
    /// A directory stands for all configuration files in it, and for the whole mesh.
    public static func make(
        files: [String], environment: String? = nil, asJSON: Bool = false, isWholeMesh: Bool = false, knowledge: ConfigurationKnowledge,
        isDirectory: (String) -> Bool
    ) -> CommandReport {
        var sources: [ConfigurationSource] = []
        var unread: [ConfigurationFiles.ReadError] = []
        var orphans: [Problem] = []
        for file in files {
            do throws(ConfigurationFiles.ReadError) {
                guard isDirectory(file) else {
                    sources.append(try ConfigurationFiles.source(file, environment: environment))
                    continue
                }
                sources += try ConfigurationFiles.sources(directory: file, environment: environment)
                if let environment {
                    orphans += try ConfigurationFiles.orphans(directory: file, environment: environment).map { overlay in
                        Problem(
                            at: SourcePosition(file: overlay, line: 1, column: 1), "there is no file that this overlay lies over",
                            expected: "a file of the same name in \(file)")
                    }
                }
            } catch {
                unread.append(error)
            }
        }
        let mesh = ConfigurationLoader.load(sources, knowledge: knowledge, isWholeMesh: isWholeMesh)
        let problems = mesh.problems + orphans
        let errors = problems.filter { $0.severity == .error }.count
        let exitStatus: Int32 = !unread.isEmpty ? 2 : errors > 0 ? 1 : 0
        let output =
            asJSON
            ? json(problems, unread, files: sources.count)
            : text(problems, unread, files: sources.count, errors: errors)
        return CommandReport(output: output, exitStatus: exitStatus)
    }

    private static func text(_ problems: [Problem], _ unread: [ConfigurationFiles.ReadError], files: Int, errors: Int) -> String {
        let warnings = problems.count - errors
        let lines = unread.map(\.description) + problems.map(\.description)
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        let summary = "\(count(files, "file")), \(count(errors, "error")), \(count(warnings, "warning"))"
        return (lines + [unread.isEmpty ? summary : "\(summary), \(unread.count) could not be read"]).joined(separator: "\n") + "\n"
    }

    private static func json(_ problems: [Problem], _ unread: [ConfigurationFiles.ReadError], files: Int) -> String {
        let value = JSONValue.object([
            "files": .integer(Int64(files)), "problems": .array(problems.map(\.json)),
            "unreadable": .array(unread.map { .object(["file": .string($0.file), "message": .string($0.message)]) }),
        ])
        return value.plainText + "\n"
    }
}
