import CSystem

/// Files that are no part of a log any more, and from when on they go.
struct LateRemoval {
    var paths: [String]
    /// Milliseconds since 1970.
    var due: Int64
}

extension LogStore {
    /// Removes files or trees on a thread of its own: a large file takes long.
    func removeLater(_ paths: [String]) {
        let remover = remover ?? Worker()
        self.remover = remover
        let report = context.report
        remover.run {
            for path in paths {
                let result = csystem_remove_tree(path)
                if result != 0 { report(.troubled(FileSystem.failure("remove", path, -result))) }
            }
        }
    }

    /// Removes files when `file.delete.delay.ms` is over; at once when the file system is full. A start of the broker removes what is left of them.
    func removeLater(_ paths: [String], after delay: Int64, now: Int64) {
        if delay <= 0 { return removeLater(paths) }
        let (due, overflow) = now.addingReportingOverflow(delay)
        removals.append(LateRemoval(paths: paths, due: overflow ? .max : due))
    }

    func removeDue(now: Int64) {
        guard !removals.isEmpty else { return }
        for removal in removals where removal.due <= now || context.isFull { removeLater(removal.paths) }
        removals.removeAll { $0.due <= now || context.isFull }
    }
}
