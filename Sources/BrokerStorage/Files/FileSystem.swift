import CSystem
import Glibc
import KafkaProtocol

/// System calls on files, with errors that name the path. On any thread.
enum FileSystem {
    static func failure(_ operation: String, _ path: String, _ number: Int32 = errno) -> StorageError {
        number == ENOSPC || number == EDQUOT ? .full(path: path) : .system(operation: operation, path: path, number: number)
    }

    static func open(_ path: String, _ flags: Int32) throws(StorageError) -> OpenFile {
        while true {
            let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
            if descriptor >= 0 { return OpenFile(descriptor: descriptor) }
            if errno != EINTR { throw failure("open", path) }
        }
    }

    /// Reads until the buffer is full or the file ends; returns how much.
    static func read(_ file: OpenFile, at position: Int, into buffer: UnsafeMutableRawBufferPointer, path: @autoclosure () -> String)
        throws(StorageError) -> Int
    {
        var filled = 0
        while filled < buffer.count {
            let count = pread(file.descriptor, buffer.baseAddress! + filled, buffer.count - filled, position + filled)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw failure("read", path()) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    static func write(_ file: OpenFile, at position: Int, _ bytes: UnsafeRawBufferPointer, path: @autoclosure () -> String)
        throws(StorageError)
    {
        var written = 0
        while written < bytes.count {
            let count = pwrite(file.descriptor, bytes.baseAddress! + written, bytes.count - written, position + written)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw failure("write", path()) }
            written += count
        }
    }

    /// Nil when nothing is there.
    static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// When the file was written last; milliseconds since 1970.
    static func modified(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    }

    static func makeDirectory(_ path: String) throws(StorageError) {
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw failure("make directory", path) }
    }

    /// The names in a directory, `.` and `..` left out.
    static func list(_ path: String) throws(StorageError) -> [String] {
        guard let directory = opendir(path) else { throw failure("list", path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    static func rename(_ path: String, to other: String) throws(StorageError) {
        if Glibc.rename(path, other) != 0 { throw failure("rename", path) }
    }

    /// Nothing there is no error.
    static func remove(_ path: String) throws(StorageError) {
        if unlink(path) != 0 && errno != ENOENT { throw failure("remove", path) }
    }

    static func truncate(_ path: String, to size: Int) throws(StorageError) {
        while Glibc.truncate(path, size) != 0 { if errno != EINTR { throw failure("truncate", path) } }
    }

    /// Makes a file's data, or a directory's entries, survive a power cut.
    static func sync(_ file: OpenFile, path: @autoclosure () -> String) throws(StorageError) {
        while fdatasync(file.descriptor) != 0 { if errno != EINTR { throw failure("sync", path()) } }
    }

    static func sync(path: String) throws(StorageError) { try sync(try open(path, O_RDONLY), path: path) }

    /// All of a file; at most `limit` bytes.
    static func contents(_ path: String, limit: Int) throws(StorageError) -> [UInt8] {
        let file = try open(path, O_RDONLY)
        let size = Int(lseek(file.descriptor, 0, SEEK_END))
        guard size >= 0, size <= limit else { throw .corrupt(path: path, reason: "\(size) bytes are more than \(limit)") }
        do { return try FileRegion(file: file, position: 0, count: size).bytes() } catch { throw failure("read", path, EIO) }
    }

    /// Puts a file in the place of what stood there: all of it or nothing, whenever the power goes.
    static func replace(_ path: String, with bytes: [UInt8], isSynced: Bool = true) throws(StorageError) {
        let new = path + ".tmp"
        let file = try open(new, O_WRONLY | O_CREAT | O_TRUNC)
        // A closure, since errors of withUnsafeBytes have no type.
        var failure: StorageError?
        bytes.withUnsafeBytes { bytes in
            do throws(StorageError) { try write(file, at: 0, bytes, path: new) } catch { failure = error }
        }
        if let failure { throw failure }
        if isSynced { try sync(file, path: new) }
        try rename(new, to: path)
    }
}
