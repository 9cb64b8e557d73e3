import Glibc
import LocalBroker

/// A small file system that only those see who are started in its mount namespace.
struct SmallDisk: Sendable {
    /// How much it holds, in MiB. It is memory.
    let mebibytes: Int
    private static let unshare = "/usr/bin/unshare"

    init(mebibytes: Int = 64) { self.mebibytes = mebibytes }

    private static var words: String { "\(unshare) \(getuid() == 0 ? "-m" : "-Urm")" }
    private static let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

    /// Why no file system can be mounted here; nil where it can.
    static func obstacle() -> String? {
        guard access(unshare, X_OK) == 0 else { return "\(unshare) is missing" }
        do throws(SpawnError) {
            let probe = try ChildProcess.spawn(
                ChildProcess.Launch(
                    program: "/bin/sh", arguments: ["-c", "\(words) mount -t tmpfs -o size=1m none /mnt"],
                    environment: environment))
            let status = probe.wait(timeout: .seconds(10))
            return status?.isSuccess == true
                ? nil : "mounting a tmpfs is not permitted here (unshare and mount: \(status.map(String.init(describing:)) ?? "no end"))"
        } catch {
            return error.description
        }
    }

    /// A program that mounts it over `directory` and becomes `program`.
    func wrapper(for program: String, over directory: String, in workspace: Workspace) throws -> String {
        let script = """
            #!/bin/sh
            exec \(Self.words) /bin/sh -c 'mount -t tmpfs -o size=\(mebibytes)m none "\(directory)" && exec "\(program)" "$@"' -- "$@"

            """
        try workspace.write(script, to: "broker-on-small-disk")
        let path = workspace.file("broker-on-small-disk")
        guard chmod(path, 0o755) == 0 else { throw LoadFailure("\(path) cannot be made executable") }
        return path
    }

    /// A process that mounts it over `directory` and does nothing else; the disk is there until it ends.
    func hold(over directory: String) throws -> ChildProcess {
        let script = "exec \(Self.words) /bin/sh -c 'mount -t tmpfs -o size=\(mebibytes)m none \"$0\" && exec sleep infinity' \"$0\""
        let holder = try ChildProcess.spawn(
            ChildProcess.Launch(program: "/bin/sh", arguments: ["-c", script, directory], environment: Self.environment))
        let limit = uptimeSeconds() + 10
        while !isSmall(Self.seen(directory, by: holder.pid)) {
            guard holder.exitStatus == nil, uptimeSeconds() < limit else {
                holder.signal(.kill)
                throw LoadFailure("a tmpfs cannot be mounted over \(directory)")
            }
            usleep(10_000)
        }
        return holder
    }

    /// The path by which others reach what a process sees there.
    static func seen(_ path: String, by process: Int32) -> String { "/proc/\(process)/root\(path)" }

    /// Whether a file system is no larger than this one. Anything else must not be filled.
    private func isSmall(_ path: String) -> Bool {
        var figures = statvfs()
        return statvfs(path, &figures) == 0 && UInt64(figures.f_blocks) * UInt64(figures.f_frsize) <= UInt64(mebibytes) << 20
    }

    /// Writes a file until there is no space.
    func fill(_ path: String) throws {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        guard isSmall(directory) else { throw LoadFailure("\(directory) is on no small disk") }
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw LoadFailure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let block = [UInt8](repeating: 0, count: 1 << 16)
        var size = block.count
        while size > 0 {
            let written = write(file, block, size)
            if written < 0, errno == EINTR { continue }
            // The last bytes count too.
            if written <= 0 { size /= 2 }
        }
    }
}
