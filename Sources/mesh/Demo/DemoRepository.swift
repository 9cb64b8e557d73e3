import Envelopes
import FoundationEssentials

/// The demo's repository: a bare one with the mesh's hook, and a clone in which the demo commits.
struct DemoRepository {
    let bare: String
    let clone: String
    /// Where the repositories of an earlier run are now; nil when there were none.
    let earlier: String?
    private let git: Git

    /// Makes both anew under `directory` from the files in `template`; those of an earlier run are moved aside.
    init(directory: String, template: String, environment: [String: String], installHook: (GitRepository) throws -> Void) throws {
        bare = directory + "/shop.git"
        clone = directory + "/shop"
        let files = FileManager.default
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Somebody may have worked in those of an earlier run.
        if files.fileExists(atPath: clone) {
            let kept = "\(directory)/before-\(Timestamp.now.milliseconds)"
            try files.createDirectory(atPath: kept, withIntermediateDirectories: true)
            for path in [bare, clone] where files.fileExists(atPath: path) {
                try files.moveItem(atPath: path, toPath: kept + path.dropFirst(directory.count))
            }
            earlier = kept
        } else {
            earlier = nil
        }
        git = try Git(log: directory + "/git.log", environment: environment)
        try git(in: directory, "init", "--quiet", "--bare", "--initial-branch=main", bare)
        try Self.copy(template, to: clone)
        try git(in: clone, "init", "--quiet", "--initial-branch=main")
        try git(in: clone, "remote", "add", "origin", bare)
        try installHook(GitRepository(at: bare))
    }

    /// Replaces `old` by `new` in one file of the clone.
    func edit(_ file: String, replacing old: String, with new: String) throws {
        let path = clone + "/" + file
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard text.contains(old) else { throw CommandFailure("\(path) has no '\(old)': the demo does not fit its template") }
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Commits everything, and pushes: the hook announces the commit.
    func push(_ message: String) throws {
        try git(in: clone, "add", "--all")
        try git(in: clone, "commit", "--quiet", "--message", message)
        try git(in: clone, "push", "--quiet", "--set-upstream", "origin", "main")
    }

    /// Copies a folder's files. (`FileManager.copyItem` copies owners too, which only root may.)
    private static func copy(_ source: String, to destination: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: destination, withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: source) {
            let (from, to) = ("\(source)/\(name)", "\(destination)/\(name)")
            if try files.attributesOfItem(atPath: from)[.type] as? FileAttributeType == .typeDirectory {
                try copy(from, to: to)
            } else {
                try Data(contentsOf: URL(filePath: from)).write(to: URL(filePath: to))
            }
        }
    }
}
