import FoundationEssentials
import Glibc

/// Keeps a data directory for one process: taken with `flock`, so it ends with the process, however that ends.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Throws a `CommandFailure` when another process has the directory.
    init(_ directory: String) throws(CommandFailure) {
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw CommandFailure("cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Self.refusal(directory)
        }
    }

    /// What to say when another process has the directory.
    static func refusal(_ directory: String) -> CommandFailure {
        let owner = RunningMesh.read(in: directory).map { " (process \($0.pid), Kafka at \($0.brokers))" } ?? ""
        return CommandFailure(
            "a mesh runs already under \(directory)\(owner). Its bots: mesh ps. Stop it: mesh down. Or start another: --data-dir DIR")
    }

    deinit { close(descriptor) }

    /// Whether some process has the directory.
    static func isTaken(_ directory: String) -> Bool {
        let descriptor = open(directory + "/lock", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// Waits until nobody has the directory; blocks.
    static func wait(_ directory: String, seconds: Int) throws(CommandFailure) {
        let deadline = ContinuousClock.now.advanced(by: .seconds(seconds))
        while isTaken(directory) {
            guard ContinuousClock.now < deadline else { throw CommandFailure("it has not stopped within \(seconds) s") }
            usleep(50_000)
        }
    }
}
