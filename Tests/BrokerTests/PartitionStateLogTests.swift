import BrokerStorage
import KafkaProtocol
import Testing

@testable import Broker

@Suite struct PartitionStateLogTests {
    private let directory = DataDirectory()

    private func entries(_ log: PartitionStateLog) throws -> Int {
        var count = 0
        try log.replay { _ in count += 1 }
        return count
    }

    @Test func whatCouldNotBeReadAgainIsNotAppended() throws {
        let store = try directory.open()
        let log = PartitionStateLog(try store.log(), scheduler: ManualScheduler())
        let record = StateRecord(key: [1], value: [UInt8](repeating: 2, count: 4 << 20))
        try log.append(Array(repeating: record, count: 15))
        #expect(throws: ErrorCode.recordListTooLarge) { try log.append(Array(repeating: record, count: 16)) }
        #expect(try entries(log) == 15)
    }

    @Test func aBrokerStartsAgainWhateverIsCommitted() throws {
        let scheduler = ManualScheduler()
        let hooks = GroupHooks(
            address: { _ in CoordinatorAddress(nodeID: 1, host: "localhost", port: 9092) }, partitionExists: { _ in true },
            makeUUID: { WireUUID() })
        func coordinator(_ store: LogStore) throws -> GroupCoordinator {
            GroupCoordinator(
                log: PartitionStateLog(try store.log(), scheduler: scheduler), durability: ManualDurability(), scheduler: scheduler,
                authorizer: OpenAuthorizer(), hooks: hooks)
        }
        var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
        topic.name = "t"
        topic.partitions = Array(repeating: OffsetCommitRequest.OffsetCommitRequestTopic.OffsetCommitRequestPartition(), count: 3_000)
        var request = OffsetCommitRequest()
        request.groupId = String(repeating: "g", count: MessageReader.maximumTextBytes)
        request.topics = [topic]
        let answer = GroupAnswer<OffsetCommitResponse>()
        do {
            let store = try directory.open()
            try coordinator(store).commit(request, RequestContext(version: 9)) { answer($0) }
            store.close()
        }
        let codes = Set(answer.value?.topics.first?.partitions.map(\.errorCode) ?? [])
        #expect(codes == [ErrorCode.invalidGroupID.rawValue])
        try coordinator(try directory.open()).load()
    }
}
