import BotKit
import CSystem
import Envelopes
import Glibc

/// Packs and unpacks artifacts with `tar` and `zstd` or `gzip`.
public enum Archive {
    /// The most that an artifact may come to when it is unpacked, in bytes.
    public static let maximumUnpackedBytes = 8 << 30

    /// Packs `paths` of a tree (all of it when there are none, `.git` never) so that the same content gives the same bytes: names sorted, one time, one owner, plain modes.
    /// - Parameter time: the modification time that every entry gets, seconds since 1970.
    public static func pack(
        _ tree: String, paths: [String] = [], excluding: [String] = [], time: Int64, format: ArtifactFormat, to file: String,
        timeLimit: Duration = .seconds(600)
    ) async throws(CallFailure) {
        try await check(tree)
        let plain = file + ".tar"
        var arguments = [
            "--create", "--file", plain, "--directory", tree, "--format=gnu", "--sort=name", "--mtime=@\(time)", "--owner=0", "--group=0",
            "--numeric-owner", "--mode=a+rX,u+w,go-w,a-st", "--hard-dereference",
        ]
        arguments += ["--anchored", "--exclude=./.git"] + excluding.map { "--exclude=./\($0)" }
        arguments += ["--"] + (paths.isEmpty ? ["."] : paths.sorted().map { "./\($0)" })
        defer { unlink(plain) }
        try await run("tar", arguments, code: "pack-failed", timeLimit: timeLimit)
        let packer = format == .zstd ? ["zstd", "-q", "-f", "-9", "-T1", "-o", file, plain] : nil
        if let packer {
            try await run(packer[0], Array(packer.dropFirst()), code: "pack-failed", timeLimit: timeLimit)
        } else {
            try await run("gzip", ["-n", "-9", "-f", "-k", plain], code: "pack-failed", timeLimit: timeLimit)
            do throws(WorkFileError) { try WorkFiles.rename(plain + ".gz", to: file) } catch { throw error.failure }
        }
    }

    /// Unpacks an artifact's file into `directory`, which is made, and must be new or empty. Refused: what would leave it, links out of it, devices and pipes, more than
    /// `maximumUnpackedBytes`. Permanent failure `artifact-unsafe` or `artifact-unreadable`.
    public static func unpack(
        _ file: String, format: ArtifactFormat, into directory: String, timeLimit: Duration = .seconds(600)
    ) async throws(CallFailure) {
        let plain = file + ".tar"
        defer { unlink(plain) }
        do throws(WorkFileError) { try WorkFiles.makeDirectory(directory) } catch { throw error.failure }
        // The size limit holds for the file that is written, so a small file cannot become an endless one.
        let limit = ["--fsize=\(maximumUnpackedBytes)", "--core=0", "--", "/bin/sh", "-c"]
        let line = format == .zstd ? "zstd -q -d -c -- \"$1\" > \"$2\"" : "gzip -d -c -- \"$1\" > \"$2\""
        try await run("prlimit", limit + [line, "sh", file, plain], code: "artifact-unreadable", timeLimit: timeLimit)
        // GNU tar strips leading slashes, refuses '..', and makes links last, so nothing is written through one.
        try await run(
            "tar",
            [
                "--extract", "--file", plain, "--directory", directory, "--no-same-owner", "--no-same-permissions",
                "--delay-directory-restore",
            ],
            code: "artifact-unreadable", timeLimit: timeLimit)
        try await check(directory)
    }

    /// Refuses a tree with anything but directories, files, and links that stay in it (or lead to the system's programs).
    static func check(_ tree: String) async throws(CallFailure) {
        let found = await onOwnThread { () -> (result: Int32, text: String) in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
                var reason: UnsafePointer<CChar>?
                let result = csystem_check_tree(tree, buffer.baseAddress, buffer.count, &reason)
                guard result == 1, let reason else { return (result, "") }
                return (1, "\(String(cString: buffer.baseAddress!)) \(String(cString: reason))")
            }
        }
        if found.result < 0 { throw WorkFileError("cannot read \(tree)", number: -found.result).failure }
        guard found.result == 0 else {
            throw CallFailure(.permanent, code: "artifact-unsafe", message: "\(found.text); such an artifact is not taken")
        }
    }

    /// The best format that this machine can write.
    public static var preferredFormat: ArtifactFormat {
        ChildCommand.find("zstd", path: ChildCommand.plainEnvironment["PATH"] ?? "") == nil ? .gzip : .zstd
    }

    private static func run(_ program: String, _ arguments: [String], code: String, timeLimit: Duration) async throws(CallFailure) {
        let result: ChildResult
        do throws(ChildError) {
            result = try await ChildProcess.run(
                ChildCommand(program, arguments, limits: ChildLimits(time: timeLimit, outputBytes: 1 << 20)))
        } catch {
            throw error.failure
        }
        if result.ending == .cancelled { throw CallFailure(.cancelled, code: "cancelled", message: "the run was cancelled") }
        guard result.isSuccess else {
            throw CallFailure(
                .permanent, code: code, message: "\(program): \(result.reason): \(result.tail.suffix(3).joined(separator: "; "))")
        }
    }
}

extension ArtifactStore {
    /// Fetches an artifact, verifies it, and unpacks it into `directory`, which must be new or empty; its packed file lies beside that directory meanwhile.
    public func unpack(_ reference: ArtifactReference, into directory: String, timeLimit: Duration = .seconds(600))
        async throws(CallFailure)
    {
        guard let format = ArtifactFormat(rawValue: reference.format) else {
            throw CallFailure(
                .permanent, code: "artifact-unreadable",
                message:
                    "an artifact in the format '\(reference.format)'; known are \(ArtifactFormat.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        let file = directory + ".packed"
        defer { unlink(file) }
        try await fetch(reference, to: file)
        try await Archive.unpack(file, format: format, into: directory, timeLimit: timeLimit)
    }
}
