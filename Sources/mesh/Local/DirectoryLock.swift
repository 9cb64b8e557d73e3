import FoundationEssentials
import Glibc

/// Keeps a data directory for one process: taken with `flock`, so it ends with the process, however that ends.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Throws a `Problem` when another process has the directory.
    init(_ directory: String) throws(Problem) {
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw Problem("cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            let owner = RunningMesh.read(in: directory).map { " (process \($0.pid), Kafka at \($0.brokers))" } ?? ""
            throw Problem("a mesh runs already under \(directory)\(owner). Stop it: mesh down. Or start another: --data-dir DIR")
        }
    }

    deinit { close(descriptor) }
}
