import BotKit
import Glibc

/// Directories for runs: `<root>/<run id>`, each held by one process at a time, empty at the start and removed at the end.
public struct Workspaces: Sendable {
    public let root: String

    public init(root: String) { self.root = root }

    /// An empty workspace. Waits up to 5 s for another process that still holds it; what that one left is thrown away. Others that nobody holds any more are removed.
    func open(_ runID: String) async throws(CallFailure) -> Workspace {
        guard (1...128).contains(runID.utf8.count), runID.utf8.allSatisfy(isPlain) else {
            throw CallFailure(.permanent, code: "bad-run-id", message: "a run id that cannot be the name of a directory")
        }
        let root = root
        let result = await onOwnThread { () -> Result<Workspace?, WorkFileError> in
            do throws(WorkFileError) {
                try WorkFiles.makeDirectory(root)
                removeAbandoned(root, except: runID)
                guard let lock = try lock("\(root)/\(runID).lock", patience: .seconds(5)) else { return .success(nil) }
                try discard("\(root)/\(runID)")
                try WorkFiles.makeDirectory("\(root)/\(runID)/tree")
                try WorkFiles.makeDirectory("\(root)/\(runID)/home")
                try WorkFiles.makeDirectory("\(root)/\(runID)/scratch", mode: 0o700)
                return .success(Workspace(path: "\(root)/\(runID)", lock: lock))
            } catch {
                return .failure(error)
            }
        }
        guard let workspace = try result.mapError(\.failure).get() else {
            throw CallFailure(.transient, code: "workspace-busy", message: "another process still works on run \(runID)")
        }
        return workspace
    }

    /// Removes what the run left.
    func close(_ workspace: Workspace) async throws(CallFailure) {
        let result = await onOwnThread { () -> Result<Void, WorkFileError> in
            do throws(WorkFileError) {
                try discard(workspace.path)
                unlink(workspace.path + ".lock")
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        withExtendedLifetime(workspace.lock) {}
        try result.mapError(\.failure).get()
    }
}

/// One run's directories.
struct Workspace: Sendable {
    let path: String
    let lock: Descriptor

    /// What the steps work on.
    var tree: String { path + "/tree" }
    var home: String { path + "/home" }
    /// The bot's own; no step sees it.
    var scratch: String { path + "/scratch" }
}

private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}

/// Takes the lock; nil when another process holds it for longer than `patience`.
private func lock(_ path: String, patience: Duration) throws(WorkFileError) -> Descriptor? {
    let deadline = ContinuousClock.now + patience
    while true {
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw WorkFileError("cannot make \(path)") }
        let descriptor = Descriptor(number)
        if flock(number, LOCK_EX | LOCK_NB) == 0 {
            // The holder before may have removed the file: then the lock is on a name that is gone.
            var held = stat()
            var named = stat()
            if fstat(number, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino { return descriptor }
        } else if errno != EWOULDBLOCK && errno != EINTR {
            throw WorkFileError("cannot lock \(path)")
        }
        guard ContinuousClock.now < deadline else { return nil }
        usleep(20_000)
    }
}

/// Moves a directory out of the way, so that a dying process cannot write into its successor, and removes it.
private func discard(_ path: String) throws(WorkFileError) {
    guard WorkFiles.exists(path) else { return }
    let trash = "\(path).trash-\(UInt64.random(in: 0 ... .max))"
    try WorkFiles.rename(path, to: trash)
    try WorkFiles.remove(trash)
}

/// Removes workspaces whose process is gone.
private func removeAbandoned(_ root: String, except runID: String) {
    for name in WorkFiles.names(in: root) where !name.hasPrefix(runID) {
        let path = "\(root)/\(name)"
        do throws(WorkFileError) {
            if name.contains(".trash-") {
                try WorkFiles.remove(path)
            } else if name.hasSuffix(".lock") {
                let run = String(path.dropLast(".lock".count))
                guard let held = try lock(path, patience: .zero) else { continue }
                try discard(run)
                unlink(path)
                withExtendedLifetime(held) {}
            }
        } catch {
            // What cannot be removed now is tried again by the next run; it is in nobody's way.
            continue
        }
    }
}
