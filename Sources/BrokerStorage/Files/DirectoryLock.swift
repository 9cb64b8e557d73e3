import Glibc
import KafkaProtocol

/// Keeps other brokers out of a data directory as long as it lives.
struct DirectoryLock {
    private let file: OpenFile

    init(_ directory: String) throws(StorageError) {
        let path = directory + "/lock"
        file = try FileSystem.open(path, O_RDWR | O_CREAT)
        guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK else { throw FileSystem.failure("lock", path) }
            let holder = (try? FileRegion(file: file, position: 0, count: 32).bytes()) ?? []
            let text = String(decoding: holder.prefix { (48...57).contains($0) }, as: UTF8.self)
            throw .locked(directory: directory, process: text.isEmpty ? "unknown" : text)
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(file.descriptor, 0) == 0, pwrite(file.descriptor, text, text.count, 0) == text.count else {
            throw FileSystem.failure("write", path)
        }
    }

    func release() { flock(file.descriptor, LOCK_UN) }
}
