import Glibc

/// What a file of a tree under scan holds.
enum ScannedFile: Equatable {
    /// `isCut`: the file is longer than the limit.
    case text([UInt8], isCut: Bool)
    /// It has a zero byte near its start, as git tells binary files.
    case binary
    /// Not a plain file, or not readable.
    case unreadable

    /// Reads at most `limit` bytes. A symbolic link is not followed.
    /// - Parameter isBinaryRefused: false gives a binary file's bytes as text, too.
    static func read(_ path: String, limit: Int, isBinaryRefused: Bool = true) -> ScannedFile {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .unreadable }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return .unreadable }
        let wanted = min(max(0, Int(status.st_size)), limit)
        var isReadable = true
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            while count < wanted {
                let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, wanted - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { isReadable = false }
                if got <= 0 { break }
                count += got
            }
        }
        guard isReadable else { return .unreadable }
        if isBinaryRefused, bytes.prefix(8000).contains(0) { return .binary }
        return .text(bytes, isCut: Int(status.st_size) > limit)
    }
}
