import FoundationEssentials
import Glibc

/// The process that listens on a port of this machine, as /proc tells it.
public struct PortHolder: Sendable, Equatable, CustomStringConvertible {
    public let pid: Int32
    /// Its program's name and words, cut.
    public let command: String

    public var description: String { "process \(pid) (\(command))" }

    /// The first one found that listens on the port; nil when nobody does, or it belongs to somebody whose descriptors cannot be read.
    public static func of(_ port: UInt16) -> PortHolder? {
        let sockets = listening(on: port)
        guard !sockets.isEmpty, let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc") else { return nil }
        for pid in names.compactMap(Int32.init) where sockets.isDisjoint(with: Self.sockets(of: pid)) == false {
            return PortHolder(pid: pid, command: Self.command(of: pid))
        }
        return nil
    }

    /// Whether the process listens on the port. It must be one whose descriptors can be read.
    static func holds(_ port: UInt16, _ pid: Int32) -> Bool { !listening(on: port).isDisjoint(with: sockets(of: pid)) }

    /// Inodes of the listening sockets. Source of the form: proc(5), /proc/net/tcp: local address and port in hexadecimal, state (0A: listening), inode.
    private static func listening(on port: UInt16) -> Set<String> {
        var inodes: Set<String> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in String(decoding: bytes(of: table), as: UTF8.self).split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                guard fields.count > 9, fields[3] == "0A", let text = fields[1].split(separator: ":").last,
                    UInt16(text, radix: 16) == port
                else { continue }
                inodes.insert("socket:[\(fields[9])]")
            }
        }
        return inodes
    }

    /// The kernel makes such a file while it is read, piece by piece, and says that it is empty: reading it whole by its size loses most of it.
    private static func bytes(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < maximumBytes {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { break }
            bytes += piece.prefix(count)
        }
        return bytes
    }

    /// Of a table of sockets: half a million of them.
    private static let maximumBytes = 64 << 20

    private static func sockets(of pid: Int32) -> Set<String> {
        let directory = "/proc/\(pid)/fd"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return [] }
        return Set(
            names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
                .filter { $0.hasPrefix("socket:") })
    }

    private static func command(of pid: Int32) -> String {
        let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        var words = String(decoding: data.prefix(4096), as: UTF8.self).split(separator: "\0").map(String.init)
        if let program = words.first { words[0] = program.split(separator: "/").last.map(String.init) ?? program }
        let text = String(words.joined(separator: " ").map { $0.isNewline || $0.isWhitespace ? " " : $0 }.prefix(160))
        return text.isEmpty ? "it does not say what it is" : text
    }
}
