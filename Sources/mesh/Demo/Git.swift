import FoundationEssentials
import LocalBroker

/// Runs git with settings of the demo's own: nobody's configuration, name or hooks take part.
struct Git {
    let log: String
    private let program: String
    private let environment: [String: String]

    init(log: String, environment: [String: String]) throws(CommandFailure) {
        self.log = log
        let path = environment["PATH"] ?? "/usr/bin:/bin"
        guard let program = path.split(separator: ":").map({ "\($0)/git" }).first(where: FileManager.default.isExecutableFile(atPath:))
        else {
            throw CommandFailure("git is not on PATH. Install it: apt-get install git")
        }
        self.program = program
        self.environment = [
            "PATH": path, "HOME": folder(of: log), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Demo Developer", "GIT_AUTHOR_EMAIL": "developer@example.com",
            "GIT_COMMITTER_NAME": "Demo Developer", "GIT_COMMITTER_EMAIL": "developer@example.com",
        ]
    }

    /// Runs one git command in `directory`; blocks. A `CommandFailure` carries the end of what git said.
    func callAsFunction(in directory: String, _ arguments: String...) throws {
        let before = (FileManager.default.contents(atPath: log) ?? Data()).count
        let child = try ChildProcess.spawn(
            ChildProcess.Launch(program: program, arguments: ["-C", directory] + arguments, environment: environment, output: .file(log)))
        guard let status = child.wait(timeout: .seconds(60)) else {
            child.signal(.kill)
            throw CommandFailure("git \(arguments.joined(separator: " ")) did not end within 60 s")
        }
        guard status.isSuccess else {
            let said = String(decoding: (FileManager.default.contents(atPath: log) ?? Data()).dropFirst(before).suffix(2000), as: UTF8.self)
            throw CommandFailure("git \(arguments.joined(separator: " ")) \(status):\n\(said)")
        }
    }
}
