import Glibc
import KafkaProtocol

/// A partition's directory: `<topic>-<partition>`, with the topic's id in a file of its own, so that no other file is needed to know what it is.
enum PartitionDirectory {
    private static let fileName = "partition.metadata"

    /// Throws for a topic whose name would not be a plain one in the file system.
    static func name(_ partition: TopicPartition) throws(StorageError) -> String {
        let isPlain = partition.topic.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        let name = "\(partition)"
        guard isPlain, !partition.topic.isEmpty, partition.partition >= 0, name.utf8.count <= 255 else {
            throw .corrupt(path: String(name.prefix(64)), reason: "this is no name of a partition")
        }
        return name
    }

    /// Nil for another directory.
    static func partition(named name: String) -> TopicPartition? {
        guard let dash = name.lastIndex(of: "-"), let number = Int32(name[name.index(after: dash)...]), number >= 0 else { return nil }
        let partition = TopicPartition(String(name[..<dash]), number)
        return (try? Self.name(partition)) == name ? partition : nil
    }

    static func make(_ path: String, topicID: WireUUID) throws(StorageError) {
        try FileSystem.makeDirectory(path)
        let text = "version: 0\ntopic_id: \(topicID)\n"
        // Not synced: the manifest knows the id too.
        try FileSystem.replace(path + "/" + fileName, with: Array(text.utf8), isSynced: false)
    }

    /// Nil when the directory has none, since it was not made completely.
    static func topicID(_ path: String) -> WireUUID? {
        guard let bytes = try? FileSystem.contents(path + "/" + fileName, limit: 4096) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("topic_id: ") {
            return WireUUID(base64: line.dropFirst("topic_id: ".count))
        }
        return nil
    }
}

extension WireUUID {
    /// Reads what `description` gives; nil for anything else.
    init?(base64 text: some StringProtocol) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        guard text.utf8.count == 22 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in text.utf8.enumerated() {
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            // 21 digits of 6 bits, and one whose upper 2 bits count.
            let bits: UInt64 = index == 21 ? 2 : 6
            high = high << bits | low >> (64 - bits)
            low = low << bits | UInt64(digit) >> (6 - bits)
        }
        self.init(high: high, low: low)
    }
}
