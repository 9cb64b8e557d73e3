import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import Terminal

/// The git hook that tells the mesh of commits.
enum HookCommands {
    static let all = [
        Command(
            "hook install", summary: "Make a git repository tell the mesh of each commit",
            discussion: """
                A bare repository gets a post-receive hook: each branch that is pushed becomes one code.committed. A work tree gets a post-commit hook.
                The hook finds the mesh through --brokers if that is given, else through the data directory. It never makes a push or a commit fail.
                """,
            arguments: [Argument("REPOSITORY", help: "folder of a git repository, bare or not")],
            flags: [Flag("url", value: "URL", help: "where BuildBot fetches the repository from; absent, the folder as a file URL")],
            run: { try install($0) }),
        Command(
            "hook fire", summary: "Publish code.committed for one commit: what the hook runs",
            flags: [
                Flag("repository", value: "URL", help: "where BuildBot fetches the repository from"),
                Flag("commit", value: "HASH", help: "the commit"), Flag("branch", value: "NAME", help: "its branch"),
                Flag("before", value: "HASH", help: "the branch's commit before; zeros for a new branch"),
                Flag("author", value: "NAME", help: "who wrote it"), Flag("message", value: "TEXT", help: "its message"),
            ], run: { try fire($0) }),
    ]

    private static func fire(_ invocation: Invocation) throws -> Int32 {
        guard let repository = invocation["repository"], let commit = invocation["commit"] else {
            throw UsageError("mesh hook fire needs --repository URL and --commit HASH")
        }
        let before = invocation["before"].flatMap { $0.allSatisfy { $0 == "0" } ? nil : $0 }
        let event = CodeCommitted(
            repository: repository, commit: commit, branch: invocation["branch"], author: invocation["author"],
            message: invocation["message"].map { String($0.prefix(2000)) }, before: before)
        let envelope = try EventPublisher(settings: try invocation.settings()).publish(event)
        Terminal.write("mesh: code.committed \(commit.prefix(8)), run \(envelope.correlationID)\n", to: STDERR_FILENO)
        return 0
    }

    private static func install(_ invocation: Invocation) throws -> Int32 {
        let repository = try GitRepository(at: absolute(invocation.arguments[0]))
        let path = try repository.install(
            mesh: Executable.path, url: invocation["url"], brokers: try invocation.givenSettings()?.bootstrapServers,
            dataDirectory: invocation.dataDirectory)
        Terminal.write("installed \(path)\n", to: STDOUT_FILENO)
        return 0
    }
}

/// A git repository on disk, as far as its hooks are concerned.
struct GitRepository {
    let path: String
    let isBare: Bool
    private let gitDirectory: String

    init(at path: String) throws(CommandFailure) {
        func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + name) }
        self.path = path
        if exists("/HEAD"), exists("/objects"), exists("/refs") {
            isBare = true
            gitDirectory = path
        } else if exists("/.git/HEAD") {
            isBare = false
            gitDirectory = path + "/.git"
        } else {
            throw CommandFailure("\(path) is no git repository: it has neither .git/HEAD nor, as a bare one, HEAD, objects and refs")
        }
    }

    private static let mark = "# Written by: mesh hook install"

    /// Writes the hook, and answers its path. Never replaces a hook that somebody else wrote.
    func install(mesh: String, url: String?, brokers: String?, dataDirectory: String) throws -> String {
        let hook = gitDirectory + "/hooks/" + (isBare ? "post-receive" : "post-commit")
        if let old = FileManager.default.contents(atPath: hook), !String(decoding: old, as: UTF8.self).contains(Self.mark) {
            throw CommandFailure(
                "\(hook) exists and is not ours. Add the call to it by hand, or move it away; the call is shown by: mesh hook fire --help")
        }
        try FileManager.default.createDirectory(atPath: gitDirectory + "/hooks", withIntermediateDirectories: true)
        let address = brokers.map { "--brokers \(Self.quoted($0))" } ?? "--data-dir \(Self.quoted(dataDirectory))"
        let fire = "\(Self.quoted(mesh)) hook fire \(address) --repository \(Self.quoted(url ?? "file://" + path))"
        try Data(script(fire).utf8).write(to: URL(filePath: hook), options: .atomic)
        guard chmod(hook, 0o755) == 0 else { throw CommandFailure("cannot make \(hook) executable: \(String(cString: strerror(errno)))") }
        return hook
    }

    private func script(_ fire: String) -> String {
        let each = """
            \(fire) --commit "$new" --branch "$branch" --before "$old" \\
                    --author "$(git log -1 --format=%an "$new")" --message "$(git log -1 --format=%s "$new")" ||
                    echo "mesh: commit $new was not announced; the repository itself is fine" >&2
            """
        guard isBare else {
            return """
                #!/bin/sh
                \(Self.mark)
                new=$(git rev-parse HEAD)
                old=$(git rev-parse --verify --quiet HEAD^ || echo 0)
                branch=$(git rev-parse --abbrev-ref HEAD)
                \(each)
                exit 0

                """
        }
        return """
            #!/bin/sh
            \(Self.mark)
            while read -r old new ref; do
                case "$ref" in refs/heads/*) branch=${ref#refs/heads/} ;; *) continue ;; esac
                case "$new" in *[!0]*) ;; *) continue ;; esac
                \(each)
            done
            exit 0

            """
    }

    /// One word for a shell, whatever it contains.
    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}
