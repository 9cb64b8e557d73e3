import FoundationEssentials
import Glibc

/// The note of a running service, so that another process finds it again: `<data directory>/services/<name>.json`.
public struct ServiceRecord: Codable, Sendable, Equatable {
    /// The environment, or `<environment>.trial` for the instance of a trial.
    public var name: String
    public var release: String
    /// The leader of its process group.
    public var process: Int32
    /// When it started, in clock ticks since boot: with the boot's id it tells it from a later process of the same number.
    public var startTicks: UInt64
    public var bootID: String
    public var port: Int?
    public var command: [String]
    /// The release's directory.
    public var path: String
    /// Environment variables of the configuration.
    public var variables: [String: String]

    enum CodingKeys: String, CodingKey {
        case name, release
        case process = "pid"
        case startTicks = "start_ticks"
        case bootID = "boot_id"
        case port, command, path, variables
    }

    /// Whether it is an instance that a trial starts and ends.
    public var isTrial: Bool { name.hasSuffix(Self.trialSuffix) }
    static let trialSuffix = ".trial"

    /// Whether that very process is there and no zombie.
    public var isAlive: Bool {
        guard let identity = ProcessIdentity(of: process) else { return false }
        return identity.startTicks == startTicks && !identity.isZombie && bootID == ProcessIdentity.bootID
    }

    /// The records below a data directory; those that cannot be read are left out.
    public static func all(dataDirectory: String) -> [ServiceRecord] {
        Files.names(in: "\(dataDirectory)/services").filter { $0.hasSuffix(".json") }.compactMap { name in
            guard let bytes = try? Files.read("\(dataDirectory)/services/\(name)") else { return nil }
            return try? JSONDecoder().decode(ServiceRecord.self, from: Data(bytes))
        }
    }
}

/// What tells one process from another of the same number.
struct ProcessIdentity: Equatable {
    let startTicks: UInt64
    let isZombie: Bool

    /// Nil when there is no such process. Source of the format: proc(5), `/proc/<pid>/stat`.
    init?(of process: Int32) {
        // A child of ours that has ended is reaped here; of others this does nothing.
        waitpid(process, nil, WNOHANG)
        guard let bytes = try? Files.read("/proc/\(process)/stat"), let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        // The name in parentheses may hold anything; the fields after it are the 3rd and on.
        let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
        startTicks = ticks
        isZombie = fields[0] == "Z" || fields[0] == "X"
    }

    /// Whether a process of the group is there that is no zombie.
    static func hasLiveMember(group: Int32) -> Bool {
        for name in Files.names(in: "/proc") {
            guard let process = Int32(name), getpgid(process) == group, let identity = ProcessIdentity(of: process) else { continue }
            if !identity.isZombie { return true }
        }
        return false
    }

    static let bootID: String = {
        guard let bytes = try? Files.read("/proc/sys/kernel/random/boot_id") else { return "" }
        return String(decoding: bytes, as: UTF8.self).trimmingSpace
    }()
}
