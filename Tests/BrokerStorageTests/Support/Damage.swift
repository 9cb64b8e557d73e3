import Glibc
import KafkaProtocol
import Testing

@testable import BrokerStorage

/// What a disk or a crash does to a file.
enum Damage: CaseIterable {
    case missing, halved, odd, zeroed, flipped

    func happens(to path: String) throws {
        guard let size = FileSystem.size(path), size > 0 else { return }
        var bytes = try FileSystem.contents(path, limit: 1 << 30)
        switch self {
        case .missing: return try FileSystem.remove(path)
        case .halved: bytes.removeLast(size - size / 2)
        case .odd: bytes.removeLast()
        case .zeroed: bytes = [UInt8](repeating: 0, count: size)
        case .flipped: for index in bytes.indices { bytes[index] ^= 0x55 }
        }
        try put(bytes, path)
    }
}

func put(_ bytes: [UInt8], _ path: String) throws { try FileSystem.replace(path, with: bytes, isSynced: false) }

extension TestDirectory {
    var manifest: String { path + "/data/manifest" }
    var partition: String { path + "/data/partitions/t-0" }
    func segment(_ base: Int64, _ file: SegmentFile = .log) -> String { partition + "/" + Segment.name(base) + file.rawValue }

    /// Makes all files but the topic's id be these.
    func restore(_ files: [String: [UInt8]], manifest: [UInt8]?) throws {
        for name in try FileSystem.list(partition) where name != "partition.metadata" { try FileSystem.remove(partition + "/" + name) }
        for (name, bytes) in files { try put(bytes, partition + "/" + name) }
        if let manifest { try put(manifest, self.manifest) } else { try FileSystem.remove(self.manifest) }
    }

    /// The partition's files by their names.
    func files() throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in try FileSystem.list(partition) where name != "partition.metadata" {
            found[name] = try FileSystem.contents(partition + "/" + name, limit: 1 << 30)
        }
        return found
    }
}
