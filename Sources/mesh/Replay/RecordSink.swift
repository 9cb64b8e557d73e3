import Glibc
import Kafka

/// The file that `mesh record` makes. It is written beside its place and takes it at the end: an earlier recording stays until the new one is whole.
final class RecordSink {
    private let path: String
    private let replaces: Bool
    private var lines: LineSink
    private var descriptor: Int32 = -1
    /// Where it is written until it is whole; nil where it is written in place: standard output, a pipe, a device.
    private var beside: String?
    private var isEmpty = true

    /// Throws where no file could be made, before anything is read for it.
    init(_ path: String, replaces: Bool) throws(CommandFailure) {
        self.replaces = replaces
        var status = stat()
        let exists = path != "-" && stat(path, &status) == 0
        self.path = exists ? Self.resolved(path) : path
        lines = LineSink()
        if path == "-" { return }
        if exists, !replaces { throw Self.cannotMake(path, EEXIST) }
        if exists, status.st_mode & S_IFMT != S_IFREG {
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            // For its owner alone: that is how it is made.
            var name = Array("\(self.path).XXXXXX".utf8CString)
            descriptor = mkstemp(&name)
            if descriptor >= 0 {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                beside = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        guard descriptor >= 0 else { throw Self.cannotMake(path, errno) }
        lines = LineSink(descriptor)
    }

    /// Where a link leads: the file is replaced, not the link.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func cannotMake(_ path: String, _ code: Int32) -> CommandFailure {
        CommandFailure("cannot make \(path): \(code == EEXIST ? "it exists; replace it with --force" : String(cString: strerror(code)))")
    }

    func write(_ record: Record) throws(CommandFailure) {
        isEmpty = false
        lines.line(RecordLine.bytes(record))
        try check()
    }

    /// Puts the file in its place. What found nothing makes no file, and what is not whole replaces none; false in these cases.
    func finish(isWhole: Bool = true) throws(CommandFailure) -> Bool {
        lines.flush()
        try check()
        guard let beside else { return true }
        if isEmpty || !isWhole && access(path, F_OK) == 0 { return false }
        guard fsync(descriptor) == 0 else { throw Self.cannotMake(path, errno) }
        try place(beside)
        self.beside = nil
        return true
    }

    private func place(_ beside: String) throws(CommandFailure) {
        if !replaces {
            // A link never replaces what somebody made meanwhile; not every file system has them.
            if link(beside, path) == 0 {
                unlink(beside)
                return
            }
            if errno == EEXIST || access(path, F_OK) == 0 { throw Self.cannotMake(path, EEXIST) }
        }
        guard rename(beside, path) == 0 else { throw Self.cannotMake(path, errno) }
    }

    private func check() throws(CommandFailure) {
        if lines.isClosed { throw CommandFailure("cannot write \(path): its reader went away, or the disk is full") }
    }

    /// Removes what did not take its place.
    func close() {
        if let beside { unlink(beside) }
        beside = nil
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }
}
