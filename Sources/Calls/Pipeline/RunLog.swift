import BotKit
import Glibc
import Synchronization

/// The lines of one run: published as they come, and kept in a file, `<directory>/<run id>.log`.
final class RunLog: Sendable {
    /// Of one file; what comes after is only published.
    private static let maximumBytes = 64 << 20
    /// Files kept; the oldest go first.
    private static let maximumFiles = 200

    private let publish: @Sendable (LogLine) -> Void
    private let file: Mutex<Output>

    private struct Output {
        var descriptor: Descriptor?
        var bytes = 0
        /// Not written yet.
        var buffer: [UInt8] = []

        mutating func flush() {
            guard let descriptor, !buffer.isEmpty else { return }
            let written = buffer.withUnsafeBytes { write(descriptor.number, $0.baseAddress, $0.count) }
            // A full disk ends the file, not the run.
            if written < buffer.count { self.descriptor = nil }
            buffer.removeAll(keepingCapacity: true)
        }
    }

    init(directory: String, runID: String, publish: @escaping @Sendable (LogLine) -> Void) throws(WorkFileError) {
        self.publish = publish
        try WorkFiles.makeDirectory(directory)
        Self.prune(directory)
        let path = "\(directory)/\(runID).log"
        let number = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw WorkFileError("cannot write \(path)") }
        file = Mutex(Output(descriptor: Descriptor(number)))
    }

    /// Any thread.
    func line(_ step: String, _ stream: LogLine.Stream, _ text: String) {
        let text = text.utf8.count > LineSplitter.maximumBytes ? String(text.prefix(LineSplitter.maximumBytes / 4)) : text
        publish(LogLine(step: step, stream: stream, text: text))
        file.withLock { file in
            guard file.descriptor != nil, file.bytes < Self.maximumBytes else { return }
            let before = file.buffer.count
            for part in [step, " ", stream.rawValue, " ", text, "\n"] { file.buffer.append(contentsOf: part.utf8) }
            file.bytes += file.buffer.count - before
            if file.buffer.count >= 64 << 10 || stream == .mesh { file.flush() }
        }
    }

    /// Writes what is left.
    func close() { file.withLock { $0.flush() } }

    func say(_ step: String, _ text: String) { line(step, .mesh, text) }

    private static func prune(_ directory: String) {
        let files = WorkFiles.names(in: directory).filter { $0.hasSuffix(".log") }
        guard files.count >= maximumFiles else { return }
        let byAge = files.map { name -> (path: String, time: Int) in
            var status = stat()
            let path = "\(directory)/\(name)"
            return (path, stat(path, &status) == 0 ? status.st_mtim.tv_sec : 0)
        }.sorted { $0.time < $1.time }
        for file in byAge.prefix(files.count - maximumFiles + 1) { unlink(file.path) }
    }
}
