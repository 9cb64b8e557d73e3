import BotKit
import Glibc

/// How much of a tree is looked at.
struct TreeLimits: Sendable {
    var files = 50_000
    var depth = 64
}

/// The plain files below a directory. Symbolic links, devices and the like are passed over.
struct TreeWalk: Sendable {
    struct File: Sendable {
        /// Below the directory.
        let path: String
        let size: Int
        /// Nanoseconds since 1970.
        let modified: Int
    }
    /// Sorted by path.
    private(set) var files: [File] = []
    /// What was not looked at because of a limit or a failure.
    private(set) var problems: [String] = []

    static func files(
        below root: String, limits: TreeLimits = TreeLimits(), skipping: Set<String> = [], stop: StopFlag
    ) throws(CallFailure) -> TreeWalk {
        var walk = TreeWalk()
        var pending: [(path: String, depth: Int)] = [("", 0)]
        while let (path, depth) = pending.popLast() {
            try stop.check()
            guard let names = names(in: path.isEmpty ? root : "\(root)/\(path)") else {
                if path.isEmpty {
                    throw CallFailure(.permanent, code: "directory-unreadable", message: "\(root): \(String(cString: strerror(errno)))")
                }
                walk.problems.append("\(path) could not be read")
                continue
            }
            for name in names {
                let below = path.isEmpty ? name : "\(path)/\(name)"
                var status = stat()
                guard lstat("\(root)/\(below)", &status) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR where !skipping.contains(name):
                    if depth < limits.depth {
                        pending.append((below, depth + 1))
                    } else {
                        walk.problems.append("directories are nested deeper than \(limits.depth)")
                    }
                case S_IFREG:
                    guard walk.files.count < limits.files else {
                        walk.problems.append("more than \(limits.files) files; the rest was not looked at")
                        return walk.sorted
                    }
                    let modified = status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec
                    walk.files.append(File(path: below, size: Int(status.st_size), modified: modified))
                default: break
                }
            }
        }
        return walk.sorted
    }

    private var sorted: TreeWalk {
        var walk = self
        walk.files.sort { $0.path < $1.path }
        return walk
    }

    /// Nil when the directory cannot be read, with the reason in `errno`.
    private static func names(in directory: String) -> [String]? {
        guard let handle = opendir(directory) else { return nil }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(validating: $0.prefix { $0 != 0 }, as: UTF8.self) }
            // A name that is not UTF-8 cannot be named in a report.
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
