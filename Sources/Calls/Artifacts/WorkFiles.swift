import BotKit
import CSystem
import Glibc

/// A step on files that failed.
struct WorkFileError: Error, CustomStringConvertible {
    let description: String
    let number: Int32

    init(_ action: String, number: Int32 = errno) {
        description = "\(action): \(errorText(number))"
        self.number = number
    }

    /// The same as the failure of a call; a full disk may have room later.
    var failure: CallFailure { CallFailure(.transient, code: "file-error", message: description) }
}

/// Plain steps on files, for work on a thread of its own.
enum WorkFiles {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(WorkFileError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw WorkFileError("cannot make the directory \(path)")
        }
        try makeDirectory(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw WorkFileError("cannot make the directory \(path)") }
    }

    static func remove(_ path: String) throws(WorkFileError) {
        let result = csystem_remove_tree(path)
        guard result == 0 else { throw WorkFileError("cannot remove \(path)", number: -result) }
    }

    static func rename(_ from: String, to: String) throws(WorkFileError) {
        guard Glibc.rename(from, to) == 0 else { throw WorkFileError("cannot move \(from) to \(to)") }
    }

    /// Copies one file, makes sure that it is on the disk, and gives its digest and size.
    @discardableResult
    static func copy(_ from: String, to: String, mode: mode_t = 0o644) throws(WorkFileError) -> (sha256: String, size: Int) {
        let target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard target >= 0 else { throw WorkFileError("cannot write \(to)") }
        let output = Descriptor(target)
        let result = try read(from) { bytes throws(WorkFileError) in try write(bytes, to: output, path: to) }
        guard fsync(output.number) == 0 else { throw WorkFileError("cannot write \(to)") }
        return result
    }

    static func digest(_ path: String) throws(WorkFileError) -> (sha256: String, size: Int) {
        try read(path) { _ throws(WorkFileError) in }
    }

    /// Writes a file whole: under another name first, then renamed.
    static func write(_ bytes: [UInt8], to path: String) throws(WorkFileError) {
        let temporary = "\(path).\(getpid()).\(UInt64.random(in: 0 ... .max)).part"
        let number = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw WorkFileError("cannot write \(temporary)") }
        let output = Descriptor(number)
        var failure: WorkFileError?
        bytes.withUnsafeBytes { buffer in
            do throws(WorkFileError) { try write(buffer, to: output, path: path) } catch { failure = error }
        }
        if let failure { throw failure }
        try rename(temporary, to: path)
    }

    /// What the names of a directory are, `.` and `..` left out, sorted; nothing when there is no such directory.
    static func names(in directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Reads a file that lies below `directory`, links that leave it refused. nil when there is none; throws when it is not a plain file or larger than `limit`.
    static func readBeneath(_ directory: String, _ path: String, limit: Int) throws(WorkFileError) -> [UInt8]? {
        let root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw WorkFileError("cannot read \(directory)") }
        let rootDescriptor = Descriptor(root)
        let number = csystem_open_beneath(rootDescriptor.number, path)
        if number == -ENOENT || number == -ENOTDIR { return nil }
        guard number >= 0 else { throw WorkFileError("cannot read \(path)", number: number == -EXDEV ? EPERM : -number) }
        let file = Descriptor(number)
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw WorkFileError("cannot read \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw WorkFileError("\(path) is not a plain file", number: EINVAL) }
        guard status.st_size <= limit else { throw WorkFileError("\(path) is larger than \(limit) bytes", number: EFBIG) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size))
        try drain(file, path: path) { chunk throws(WorkFileError) in bytes.append(contentsOf: chunk.prefix(limit - bytes.count)) }
        return bytes
    }

    private static func read(
        _ path: String, _ take: (UnsafeRawBufferPointer) throws(WorkFileError) -> Void
    ) throws(WorkFileError) -> (sha256: String, size: Int) {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw WorkFileError("cannot read \(path)") }
        let digest = SHA256Digest()
        var size = 0
        try drain(Descriptor(number), path: path) { bytes throws(WorkFileError) in
            digest.update(bytes)
            size += bytes.count
            try take(bytes)
        }
        return (digest.finish(), size)
    }

    private static func drain(
        _ file: Descriptor, path: String, _ take: (UnsafeRawBufferPointer) throws(WorkFileError) -> Void
    ) throws(WorkFileError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(file.number, buffer.baseAddress, buffer.count)
            if count == 0 { return }
            if count < 0 {
                if errno == EINTR { continue }
                throw WorkFileError("cannot read \(path)")
            }
            try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to file: Descriptor, path: String) throws(WorkFileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(file.number, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw WorkFileError("cannot write \(path)")
            }
            rest = rest.dropFirst(count)
        }
    }
}
