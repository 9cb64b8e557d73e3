import KafkaProtocol
import Testing

@testable import BrokerStorage

/// What no topic has any more is taken out of the way, and data are kept.
@Suite struct OrphanTests {
    @Test func dataOfNoTopicAreKeptAndToldOf() throws {
        let directory = try TestDirectory()
        let store = try TestStore(directory)
        try store.open("full").append(batch())
        _ = try store.open("empty")
        store.store.close()
        let again = try TestStore(directory)
        for (partition, _) in again.store.existing { again.store.setAside(partition) }
        #expect(again.store.existing.isEmpty)
        #expect(try FileSystem.list(directory.path + "/data/orphaned") == ["full-0"])
        #expect(again.notices.contains { if case .orphaned(TopicPartition("full", 0), _) = $0 { true } else { false } })
    }
}
