import FoundationEssentials
import Glibc
import Terminal

/// A person's editor (`$VISUAL`, `$EDITOR`, else vi) on a file of its own that only they can read.
struct Editor {
    private let command: String
    private let environment: [String: String]

    init(_ environment: [String: String]) {
        self.environment = environment
        command = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
    }

    /// Shows `text` and gives what it became. Throws a `CommandFailure` when the editor cannot be started or says that it failed.
    func edit(_ text: String, name: String) throws -> String {
        let path = folder + "/\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max)).json"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        close(descriptor)
        defer { unlink(path) }
        try Data(text.utf8).write(to: URL(filePath: path))
        try run(path)
        let data = try Data(contentsOf: URL(filePath: path))
        guard data.count <= 1 << 20 else { throw CommandFailure("more than 1 MiB was written; no event is so large") }
        guard let edited = String(validating: data, as: UTF8.self) else { throw CommandFailure("what was written is not UTF-8 text") }
        return edited
    }

    /// Where files for a moment lie.
    private var folder: String { environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp" }

    /// The variable may hold a command with arguments: a shell reads it, and the path comes as an argument of its own.
    private func run(_ path: String) throws(CommandFailure) {
        let ending = ForegroundProcess.run("/bin/sh", ["-c", "\(command) \"$1\"", "sh", path], environment: environment)
        if let problem = ending.problem(of: command.printable) {
            throw CommandFailure("\(problem), so nothing is sent. Choose another editor with EDITOR=…")
        }
    }
}
