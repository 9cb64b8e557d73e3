import Kafka
import MeshTesting
import Telemetry
import Testing

@testable import MeshRuntime

/// Reading of partitions beside the group, on a real broker.
@Suite struct PartitionScanTests {
    /// A restoration that is wanted meanwhile would wait for what does not come.
    @Test func whoHasEnoughDoesNotWaitForWhatDoesNotCome() async throws {
        let broker = try await BrokerFixture.shared()
        let partition = TopicPartition(try await broker.makeTopic("scan"), 0)
        let settings = broker.settings
        let looks = try await DedicatedThread.run(name: "scan") {
            let consumer = try Consumer(settings, group: .none(reportsPartitionEnd: true))
            defer { consumer.close() }
            var looks = 0
            try PartitionScan(consumer: consumer, progress: RestoreProgress(), logger: Logger(bot: "Test", level: .error))
                .read(
                    [partition: .beginning], to: [partition: 10],
                    until: {
                        looks += 1
                        return looks > 5
                    }
                ) { _ in .more }
            return looks
        }
        #expect(looks == 6)
    }
}
