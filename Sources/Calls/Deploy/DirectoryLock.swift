import Glibc

/// Holds a lock file against every other process of this machine, from `init` to the end of its life.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Nil when somebody else holds it.
    init?(_ path: String) throws(FileError) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("cannot open \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        // Said in words: a child that is just being started holds a copy of the descriptor until it has become its program.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
