import Glibc

/// Why data cannot be kept or read.
public enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process uses the directory.
    case locked(directory: String, process: String)
    /// The file system said no; `number` is its errno.
    case system(operation: String, path: String, number: Int32)
    /// A file holds what this broker did not write.
    case corrupt(path: String, reason: String)
    /// No space is left; nothing was appended.
    case full(path: String)

    /// Whether nothing was done, and the same may go through later: the process or the system has no descriptor left.
    var isTransient: Bool {
        if case .system(_, _, let number) = self { return number == EMFILE || number == ENFILE }
        return false
    }

    public var description: String {
        switch self {
        case .locked(let directory, let process):
            "\(directory) is used by another broker (process \(process)); stop it, or name another --data-dir"
        case .system(let operation, let path, let number): "cannot \(operation) \(path): \(String(cString: strerror(number)))"
        case .corrupt(let path, let reason): "\(path): \(reason)"
        case .full(let path): "no space is left for \(path)"
        }
    }
}
