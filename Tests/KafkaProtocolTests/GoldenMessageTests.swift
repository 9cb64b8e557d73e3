import KafkaProtocol
import Testing

/// Messages as Kafka's own Java client writes them.
@Suite struct GoldenMessageTests {
    private func check<Message: WireField>(_ type: Message.Type, _ api: APIKey) throws {
        let name = String(describing: type)
        for version in api.versions {
            let message = try MessageFiller.filled(type, api: api, version: version)
            var writer = MessageWriter(version: version, isFlexible: api.isFlexible(version))
            writer.message(message)
            let written = writer.finish().flatMap { $0.inMemory }
            let expected = GoldenMessages.lines["\(name) \(version)"]
            #expect(hex(written) == expected, "\(name), version \(version)")
            var reader = MessageReader(written, version: version, isFlexible: api.isFlexible(version))
            var read = Message()
            try read.code(&reader)
            try reader.finish()
            #expect(String(describing: read) == String(describing: message), "\(name), version \(version)")
        }
    }

    private func check<Request: APIRequest>(_ type: Request.Type) throws {
        try check(type, Request.api)
        try check(Request.Response.self, Request.api)
    }

    @Test func data() throws {
        try check(ProduceRequest.self)
        try check(FetchRequest.self)
        try check(ListOffsetsRequest.self)
        try check(OffsetForLeaderEpochRequest.self)
        try check(DeleteRecordsRequest.self)
    }

    @Test func transactions() throws {
        try check(InitProducerIdRequest.self)
        try check(AddPartitionsToTxnRequest.self)
        try check(AddOffsetsToTxnRequest.self)
        try check(EndTxnRequest.self)
    }

    @Test func groups() throws {
        try check(FindCoordinatorRequest.self)
        try check(JoinGroupRequest.self)
        try check(SyncGroupRequest.self)
        try check(HeartbeatRequest.self)
        try check(LeaveGroupRequest.self)
        try check(OffsetCommitRequest.self)
        try check(OffsetFetchRequest.self)
        try check(OffsetDeleteRequest.self)
        try check(ListGroupsRequest.self)
        try check(DescribeGroupsRequest.self)
        try check(DeleteGroupsRequest.self)
        try check(TxnOffsetCommitRequest.self)
    }

    @Test func administration() throws {
        try check(MetadataRequest.self)
        try check(CreateTopicsRequest.self)
        try check(DeleteTopicsRequest.self)
        try check(CreatePartitionsRequest.self)
        try check(DescribeConfigsRequest.self)
        try check(AlterConfigsRequest.self)
        try check(IncrementalAlterConfigsRequest.self)
        try check(DescribeClusterRequest.self)
        try check(SaslHandshakeRequest.self)
        try check(SaslAuthenticateRequest.self)
        try check(CreateAclsRequest.self)
        try check(DescribeAclsRequest.self)
        try check(DeleteAclsRequest.self)
    }
}

private func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

extension MessageWriter {
    fileprivate mutating func message(_ message: some WireField) {
        var message = message
        do { try message.code(&self) } catch { Issue.record(error) }
    }
}
