import BotKit
import Envelopes
import Glibc
import Telemetry

/// The configuration's `outputs`: each event that the bot makes visible is also logged, counted, or written to a file. Confined to the engine's thread.
struct OutputWriter {
    private let destinations: [BotConfiguration.OutputDestination]
    private let logger: Logger
    private let counter: Counter?
    private let codec = EnvelopeCodec()
    /// The day of the last cleaning, by place among the destinations.
    private var cleaned: [Int: String] = [:]

    init(_ configuration: BotConfiguration, metrics: Metrics, logger: Logger) {
        destinations = configuration.outputs
        self.logger = logger
        counter =
            destinations.contains { $0.kind == .metric }
            ? metrics.counter("mesh_output_events_total", help: "Events that the bot has made visible.", labels: ["bot", "type"]) : nil
    }

    mutating func write(_ event: Envelope, bot: String) {
        for (place, destination) in destinations.enumerated() {
            switch destination.kind {
            case .message: break
            case .metric: counter?.add(1, bot, event.type.name)
            case .log:
                logger.log(
                    .info, "\(event.type) \(event.id)", [("event_id", .string(event.id.text)), ("type", .string(event.type.name))],
                    correlationID: event.correlationID)
            case .file: append(event, to: destination, place)
            }
        }
    }

    /// One JSON line an event, in a file a type and day: `DESTINATION/build.completed/2026-01-31.jsonl`.
    private mutating func append(_ event: Envelope, to destination: BotConfiguration.OutputDestination, _ place: Int) {
        let root = destination.destination.hasPrefix("file://") ? String(destination.destination.dropFirst(7)) : destination.destination
        guard !root.isEmpty, event.type.isLegal else { return }
        let day = String(event.timestamp.text.prefix(10))
        let directory = "\(root)/\(event.type.name)"
        makeDirectories(directory)
        let descriptor = open("\(directory)/\(day).jsonl", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            return logger.warn("the output \(directory)/\(day).jsonl cannot be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let end = [UInt8(ascii: "\n")]
        let line = (Self.endsWithinLine(descriptor) ? end : []) + codec.encode(event).value + end
        if Glibc.write(descriptor, line, line.count) != line.count {
            logger.warn("the output \(directory)/\(day).jsonl was not written whole: \(String(cString: strerror(errno)))")
        }
        if let days = destination.retentionDays, day != cleaned[place] {
            cleaned[place] = day
            clean(root, olderThan: event.timestamp.advanced(by: .seconds(-86_400 * days)))
        }
    }

    /// Whether what was written last is no whole line: a disk was full, or a process ended in the midst of it.
    private static func endsWithinLine(_ descriptor: Int32) -> Bool {
        var last: UInt8 = 0
        let size = lseek(descriptor, 0, SEEK_END)
        return size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != UInt8(ascii: "\n")
    }

    private func makeDirectories(_ path: String) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/\(part)"
            mkdir(built, 0o750)
        }
    }

    /// Removes the files of days that retention has passed.
    private func clean(_ root: String, olderThan limit: Timestamp) {
        let border = String(limit.text.prefix(10))
        for type in entries(of: root) {
            for file in entries(of: "\(root)/\(type)")
            where file.hasSuffix(".jsonl") && file.utf8.count == 16 && String(file.prefix(10)) < border {
                unlink("\(root)/\(type)/\(file)")
            }
        }
    }

    private func entries(of directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
