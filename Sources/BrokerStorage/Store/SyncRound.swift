import Glibc
import KafkaProtocol

/// What one round brings to the disk, in this order; done on the syncing thread.
struct SyncRound: Sendable {
    /// A file by its descriptor when it is open, else by its path.
    enum Target: Sendable {
        case open(OpenFile)
        case closed
    }

    /// In the place of a log: the directory of all partitions; an index, without which only the manifest must not go on.
    static let (tree, indexes) = (-1, -2)

    struct File: Sendable {
        var path: String
        var target: Target
        /// Which of the round's logs it belongs to; `tree`, `indexes`.
        var log: Int
    }

    struct Contents: Sendable {
        var path: String
        var bytes: [UInt8]
    }

    var files: [File] = []
    /// Directories in which files were made or removed.
    var directories: [(path: String, log: Int)] = []
    var snapshots: [Contents] = []
    var snapshotDirectories: [String] = []
    /// The manifest, and the directory that it lies in.
    var manifest: (file: Contents, directory: String)?

    struct Outcome: Sendable {
        /// By the round's logs.
        var failures: [Int: StorageError] = [:]
        /// Why there is no new manifest.
        var manifestFailure: StorageError?

        /// Of several failures one that lasts is kept: what it tells of, the system tells once only.
        mutating func note(_ error: StorageError, of log: Int) {
            if failures[log]?.isTransient ?? true { failures[log] = error }
        }
    }

    func run() -> Outcome {
        var outcome = Outcome()
        for file in files {
            do throws(StorageError) { try sync(file) } catch { outcome.note(error, of: file.log) }
        }
        for directory in directories {
            do throws(StorageError) { try FileSystem.sync(path: directory.path) } catch {
                if !isGone(error) { outcome.note(error, of: directory.log) }
            }
        }
        guard let manifest else { return outcome }
        do throws(StorageError) {
            // The manifest speaks of what was synced in this round.
            if let failure = outcome.failures.values.first { throw failure }
            for snapshot in snapshots {
                do throws(StorageError) { try FileSystem.replace(snapshot.path, with: snapshot.bytes) } catch {
                    if !isGone(error) { throw error }
                }
            }
            for directory in snapshotDirectories {
                do throws(StorageError) { try FileSystem.sync(path: directory) } catch { if !isGone(error) { throw error } }
            }
            try FileSystem.replace(manifest.file.path, with: manifest.file.bytes)
            try FileSystem.sync(path: manifest.directory)
        } catch { outcome.manifestFailure = error }
        return outcome
    }

    private func sync(_ file: File) throws(StorageError) {
        switch file.target {
        case .open(let open): try FileSystem.sync(open, path: file.path)
        case .closed:
            do throws(StorageError) { try FileSystem.sync(path: file.path) } catch { if !isGone(error) { throw error } }
        }
    }

    /// What was removed since the round began needs no sync. That a file which is still needed is gone shows when it is opened.
    private func isGone(_ error: StorageError) -> Bool {
        if case .system(_, _, let number) = error { return number == ENOENT }
        return false
    }
}
