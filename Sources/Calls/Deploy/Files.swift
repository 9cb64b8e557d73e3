import BotKit
import Glibc

/// A file operation of a deploy that failed.
struct FileError: Error, Equatable, CustomStringConvertible {
    let description: String
    let number: Int32

    /// Takes `errno` as the failed call left it.
    init(_ action: String, number: Int32 = errno) {
        self.number = number
        description = "\(action): \(errorText(number))"
    }

    var failure: CallFailure { CallFailure(.permanent, code: "file-error", message: description) }
}

/// Small file operations, each in one step or not at all.
enum Files {
    /// Makes a directory and those above it.
    static func makeDirectories(_ path: String) throws(FileError) {
        var current = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            current += "/\(part)"
            if mkdir(current, 0o755) != 0 && errno != EEXIST { throw FileError("cannot make the directory \(current)") }
        }
    }

    /// The target of a symlink; nil when there is none.
    static func link(_ path: String) throws(FileError) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        if count < 0 {
            if errno == ENOENT { return nil }
            throw FileError("cannot read the link \(path)")
        }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Points the symlink `path` to `target`; whoever reads it sees the old or the new one, never none.
    static func setLink(_ path: String, to target: String) throws(FileError) {
        let temporary = "\(path).new"
        unlink(temporary)
        guard symlink(target, temporary) == 0 else { throw FileError("cannot make the link \(temporary)") }
        try rename(temporary, path)
    }

    static func rename(_ path: String, _ other: String) throws(FileError) {
        guard Glibc.rename(path, other) == 0 else { throw FileError("cannot rename \(path)") }
    }

    /// Removes a file or link; one that is not there is no error.
    static func remove(_ path: String) throws(FileError) {
        if unlink(path) != 0 && errno != ENOENT { throw FileError("cannot remove \(path)") }
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The names in a directory, without `.` and `..`, sorted; empty when it is not there.
    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The whole of a small file; nil when it is not there.
    static func read(_ path: String, limit: Int = 1 << 20) throws(FileError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ESRCH { return nil }
            throw FileError("cannot open \(path)")
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while content.count < limit {
            let count = Glibc.read(descriptor, &chunk, min(chunk.count, limit - content.count))
            if count < 0 && errno == EINTR { continue }
            // A process that ends while its /proc file is read gives ESRCH: as good as not there.
            guard count >= 0 else {
                if errno == ESRCH { return nil }
                throw FileError("cannot read \(path)")
            }
            if count == 0 { break }
            content.append(contentsOf: chunk[..<count])
        }
        return content
    }

    /// The last bytes of a file; empty when it is not there.
    static func readEnd(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return [] }
            throw FileError("cannot open \(path)")
        }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        var content = [UInt8](repeating: 0, count: max(0, min(Int(size), limit)))
        let count = pread(descriptor, &content, content.count, max(0, size - off_t(content.count)))
        guard count >= 0 else { throw FileError("cannot read \(path)") }
        return Array(content[..<count])
    }

    /// Replaces a file's content in one step.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(FileError) {
        let temporary = "\(path).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileError("cannot write \(temporary)") }
        defer { close(descriptor) }
        try writeAll(bytes, descriptor, temporary)
        guard fsync(descriptor) == 0 else { throw FileError("cannot write \(temporary)") }
        try rename(temporary, path)
    }

    /// Appends in one `write`, so that lines of several processes do not mix.
    static func append(_ bytes: [UInt8], to path: String) throws(FileError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError("cannot open \(path)") }
        defer { close(descriptor) }
        try writeAll(bytes, descriptor, path)
    }

    static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileError("cannot write \(path)") }
            written += count
        }
    }
}
