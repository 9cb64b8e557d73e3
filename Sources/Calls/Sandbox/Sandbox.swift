import BotKit
import Glibc

/// Runs commands that others wrote, apart from the bot, its secrets, its data directory, and each other.
///
/// Under bubblewrap the command sees a root built of the system's own directories (read-only), its workspace and home (writable), a bounded `/tmp`, and only
/// its own processes; it dies with the bot. Where namespaces are not permitted, `capability` says what is left.
public struct Sandbox: Sendable {
    /// Paths inside; on a machine without namespaces they are the host's.
    public static let workspacePath = "/workspace"
    public static let homePath = "/home/build"

    public let capability: SandboxCapability
    /// Directories of the host that every command may read, e.g. a toolchain outside `/usr` and `/opt`.
    public let readable: [String]
    /// Directories for `PATH` that lie in what a command can see.
    private let path: String

    /// - Parameters:
    ///   - readable: directories outside the system's that every command may read.
    ///   - path: the bot's own `PATH`; entries that a command could not see are left out.
    public init(capability: SandboxCapability, readable: [String] = [], path: String = "") {
        self.capability = capability
        self.readable = readable
        let visible = ["/usr/", "/opt/", "/bin", "/sbin"] + readable
        var entries: [String] = []
        for entry in path.split(separator: ":").map(String.init) + [
            "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin",
        ]
        where visible.contains(where: entry.hasPrefix) && !entries.contains(entry) {
            entries.append(entry)
        }
        self.path = entries.joined(separator: ":")
    }

    /// Finds what this machine can do. `MESH_SANDBOX_READABLE` (paths separated by `:`) names further readable directories.
    public static func detect(environment: [String: String]) async -> Sandbox {
        let readable = (environment["MESH_SANDBOX_READABLE"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        return Sandbox(capability: await SandboxCapability.detect(), readable: readable, path: environment["PATH"] ?? "")
    }

    /// Runs one command to its end. Nothing that it started outlives it.
    public func run(
        _ command: SandboxedCommand, line: @escaping @Sendable (LogLine.Stream, String) -> Void = { _, _ in }
    ) async throws(ChildError) -> ChildResult {
        let user = user(of: command.workspace)
        if capability.isRoot {
            try Ownership.give(command.workspace, to: user)
            try Ownership.give(command.home, to: user)
        }
        guard capability.level == .reduced else { return try await ChildProcess.run(childCommand(command, user: user), line: line) }
        let marker = "MESH_SANDBOX_MARK=\(command.workspace)"
        let result: ChildResult
        do throws(ChildError) {
            result = try await ChildProcess.run(childCommand(command, user: user), line: line)
        } catch {
            Leftovers.kill(marker: marker)
            throw error
        }
        Leftovers.kill(marker: marker)
        return result
    }

    /// The user id that a workspace's commands have on the host.
    func user(of workspace: String) -> UInt32 {
        guard capability.isRoot else { return geteuid() }
        // FNV-1a: any spread will do.
        let hash = workspace.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return capability.userBase + hash % capability.userCount
    }

    /// The command line that puts `command` into its sandbox.
    func childCommand(_ command: SandboxedCommand, user: UInt32) -> ChildCommand {
        let isApart = capability.level != .reduced
        let workspace = isApart ? Self.workspacePath : command.workspace
        let home = isApart ? Self.homePath : command.home
        var environment = [
            "PATH": path, "HOME": home, "TMPDIR": isApart ? "/tmp" : home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb",
            "CI": "true",
            "WORKSPACE": workspace,
        ].merging(command.environment) { $1 }
        if !isApart { environment["MESH_SANDBOX_MARK"] = command.workspace }
        let start = command.directory.isEmpty ? workspace : "\(workspace)/\(command.directory)"
        let line = (isApart ? bubblewrap(command, start: start) : []) + identity(user) + limits(command.limits) + command.arguments
        return ChildCommand(
            line[0], Array(line.dropFirst()), environment: environment, directory: isApart ? "/" : start,
            limits: ChildLimits(
                time: command.limits.time, outputBytes: command.limits.outputBytes, tailLines: command.limits.tailLines,
                memoryBytes: command.limits.memoryBytes))
    }

    private func bubblewrap(_ command: SandboxedCommand, start: String) -> [String] {
        var line = [
            capability.bubblewrap ?? "bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname",
            "sandbox",
        ]
        if !capability.isRoot { line += ["--unshare-user", "--uid", "1000", "--gid", "1000"] }
        if !command.hasNetwork && capability.level == .full { line.append("--unshare-net") }
        line += SandboxMounts.system
        let temporary = String(max(command.limits.memoryBytes / 4, 1 << 20))
        line += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", temporary, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
        line += ["--perms", "1777", "--size", temporary, "--tmpfs", "/tmp", "--symlink", "/tmp", "/var/tmp"]
        for directory in readable + command.readable {
            line += SandboxMounts.parents(of: directory) + ["--ro-bind-try", directory, directory]
        }
        line +=
            SandboxMounts.parents(of: Self.homePath) + [
                "--bind", command.workspace, Self.workspacePath, "--bind", command.home, Self.homePath,
            ]
        return line + ["--remount-ro", "/", "--chdir", start, "--"]
    }

    /// Where the bot is root: become somebody who owns nothing else, and can never be more again.
    private func identity(_ user: UInt32) -> [String] {
        guard capability.isRoot, let setpriv = capability.setpriv else { return [] }
        let id = String(user)
        return [
            setpriv, "--reuid", id, "--regid", id, "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--",
        ]
    }

    private func limits(_ limits: SandboxLimits) -> [String] {
        guard let prlimit = capability.prlimit else { return [] }
        // RLIMIT_DATA bounds each process's writable memory at once; the sum over all processes is watched. RLIMIT_AS would break runtimes that only reserve.
        var line = [prlimit, "--data=\(limits.memoryBytes)", "--fsize=\(limits.fileBytes)", "--core=0", "--nofile=4096"]
        // Without namespaces or a user of its own, the limit would count the bot's and the person's own processes.
        if capability.level != .reduced || capability.isRoot { line.append("--nproc=\(limits.processes)") }
        return line + ["--"]
    }
}
