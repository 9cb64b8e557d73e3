import BrokerStorage
import FoundationEssentials
import KafkaProtocol

@testable import Broker

/// A data directory that lives as long as this value.
final class DataDirectory {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("broker-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Opens it, for as long as the store lives; what the store's threads post is not run.
    func open(_ settings: StorageSettings = StorageSettings()) throws -> LogStore {
        try LogStore(directory: path, settings: settings, post: { _ in }, report: { _ in })
    }
}

extension LogStore {
    func log(_ topic: String = "t", _ settings: LogSettings = LogSettings()) throws -> PartitionLog {
        try open(TopicPartition(topic, 0), topicID: WireUUID(high: 1, low: 2), settings: settings, now: 0)
    }
}
