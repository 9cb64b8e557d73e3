import FoundationEssentials
import Glibc
import Terminal

/// A person's editor (`$VISUAL`, `$EDITOR`, else vi) on a file of its own that only they can read.
struct Editor {
    private let command: String

    init(_ environment: [String: String]) {
        command = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first { !$0.isEmpty } ?? "vi"
    }

    /// Shows `text` and gives what it became. Throws a `CommandFailure` when the editor cannot be started or says that it failed.
    func edit(_ text: String, name: String) throws -> String {
        let path = TemporaryFolder.path + "/\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max)).json"
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

    /// The variable may hold a command with arguments: a shell reads it, and the path comes as an argument of its own.
    private func run(_ path: String) throws(CommandFailure) {
        let arguments = ["sh", "-c", "\(command) \"$1\"", "sh", path]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { word in strdup(word) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/bin/sh", nil, nil, &words, environ)
        guard code == 0 else { throw CommandFailure("cannot start \(command): \(String(cString: strerror(code)))") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 { guard errno == EINTR else { throw CommandFailure("lost the editor \(command)") } }
        guard status == 0 else {
            throw CommandFailure("\(command) did not end well, so nothing is sent. Choose another editor with EDITOR=…")
        }
    }
}

/// Where files for a moment lie.
private enum TemporaryFolder {
    static var path: String { ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp" }
}
