import Glibc

/// Files that an operator writes.
enum TextFile {
    /// The bytes of a file of UTF-8 text.
    /// - Parameter isSecret: the file is refused when others than its owner may read it.
    /// - Throws: what keeps it from being read, with what to do.
    static func read(_ path: String, maximumBytes: Int, isSecret: Bool = false) throws(ConfigurationError) -> [UInt8] {
        guard let file = fopen(path, "re") else { throw unreadable(path) }
        defer { fclose(file) }
        if isSecret { try checkSecret(file, path) }
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumBytes + 1) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        guard ferror(file) == 0 else { throw unreadable(path) }
        guard bytes.count <= maximumBytes else { throw ConfigurationError(problems: ["\(path): is larger than \(maximumBytes) bytes"]) }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw ConfigurationError(problems: ["\(path): is not UTF-8 text"]) }
        return bytes
    }

    private static func checkSecret(_ file: UnsafeMutablePointer<FILE>, _ path: String) throws(ConfigurationError) {
        var status = stat()
        guard fstat(fileno(file), &status) == 0 else { throw unreadable(path) }
        guard status.st_mode & 0o077 == 0 else {
            throw ConfigurationError(problems: ["\(path): others than its owner have access to it; run: chmod 600 \(path)"])
        }
    }

    private static func unreadable(_ path: String) -> ConfigurationError {
        ConfigurationError(problems: ["\(path): cannot be read: \(String(cString: strerror(errno)))"])
    }
}
