import Envelopes
import FoundationEssentials
import Glibc
import LocalBroker

/// A small disk where the bots of a run keep copies of their states. It outlives each of them: they enter the mount namespace of a process that holds it.
final class BotDisk: Sendable {
    private static let nsenter = "/usr/bin/nsenter"

    /// Where it is, for those who have entered.
    let directory: String
    private let disk = SmallDisk()
    private let holder: ChildProcess
    private let interruption: Int

    /// Why bots cannot enter; nil where they can.
    static func obstacle() -> String? { access(nsenter, X_OK) == 0 ? nil : "\(nsenter) is missing" }

    init(in workspace: Workspace) throws {
        let directory = workspace.file("bot-disk")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        self.directory = directory
        (holder, interruption) = try Interruption.add(making: { [disk] in try disk.hold(over: directory) }, undo: { $0.signal(.kill) })
    }

    /// How a program is started that sees it: by the same process in the end, in the same working directory.
    func entered(by launch: ChildProcess.Launch) -> ChildProcess.Launch {
        var launch = launch
        let namespaces = getuid() == 0 ? ["-m"] : ["-U", "-m", "--preserve-credentials"]
        // It begins at the root of the namespace.
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", FileManager.default.currentDirectoryPath]
        launch.arguments = ["-t", "\(holder.pid)"] + namespaces + ["--"] + shell + [launch.program] + launch.arguments
        launch.program = Self.nsenter
        return launch
    }

    private var seen: String { SmallDisk.seen(directory, by: holder.pid) }

    /// Takes all its space, or gives it back.
    func setFull(_ isFull: Bool) throws {
        let filler = "\(seen)/filler"
        if isFull { try disk.fill(filler) } else { try FileManager.default.removeItem(atPath: filler) }
    }

    /// When a bot has last written its copy; nil where there is none.
    func lastWritten(by instance: String) -> Timestamp? {
        // What is only opened has a log without a byte.
        ["", "-wal"].compactMap { Self.lastWritten("\(seen)/\(instance).sqlite\($0)") }.max()
    }

    private static func lastWritten(_ path: String) -> Timestamp? {
        var figures = stat()
        guard stat(path, &figures) == 0, figures.st_size > 0 else { return nil }
        return Timestamp(milliseconds: Int64(figures.st_mtim.tv_sec) * 1_000 + Int64(figures.st_mtim.tv_nsec) / 1_000_000)
    }

    /// Lets it go, with all that is on it.
    func stop() {
        holder.signal(.kill)
        Interruption.remove(interruption)
    }
}
