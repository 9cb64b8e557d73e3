import KafkaProtocol
import MeshTesting

/// How frames of one request are made, and its answers are read.
struct RequestKind: Sendable {
    let api: APIKey
    /// The connection may end after it: logging in where nobody asks for it.
    let mayClose: Bool
    let make: @Sendable (_ version: Int16, _ correlationID: Int32, inout SeededGenerator) throws -> [UInt8]
    /// Throws when the answer's body is not of this request.
    let read: @Sendable (_ answer: [UInt8], _ version: Int16) throws -> Void

    /// - Parameter tame: bounds waits that a client may ask for, and what only makes the test slow.
    init<Request: APIRequest>(_: Request.Type, mayClose: Bool = false, tame: @escaping @Sendable (inout Request) -> Void = { _ in }) {
        api = Request.api
        self.mayClose = mayClose
        make = { version, correlationID, random in
            var filler = RandomFiller(version: version, isFlexible: Request.api.isFlexible(version), random: random)
            var request = Request()
            try request.code(&filler)
            random = filler.random
            tame(&request)
            let parts = MessageWriter.request(request, correlationID: correlationID, clientID: "fuzz", version: version)
            return parts.flatMap { part -> [UInt8] in if case .bytes(let bytes) = part { Array(bytes) } else { [] } }
        }
        read = { answer, version in
            // Four bytes of correlation id, and empty tagged fields in flexible versions.
            let isFlexible = Request.api.isFlexible(version)
            let start = isFlexible && Request.api != .apiVersions ? 5 : 4
            var reader = MessageReader(answer, from: start, version: version, isFlexible: isFlexible)
            var response = Request.Response()
            try response.code(&reader)
            try reader.finish()
        }
    }

    static let all: [RequestKind] = [
        .init(ProduceRequest.self) { $0.acks = -1 },
        .init(FetchRequest.self) { $0.maxWaitMs = min($0.maxWaitMs, 2) },
        .init(ListOffsetsRequest.self), .init(MetadataRequest.self), .init(OffsetCommitRequest.self), .init(OffsetFetchRequest.self),
        .init(FindCoordinatorRequest.self),
        .init(JoinGroupRequest.self) {
            $0.sessionTimeoutMs = min($0.sessionTimeoutMs, 20)
            $0.rebalanceTimeoutMs = min($0.rebalanceTimeoutMs, 20)
        },
        .init(HeartbeatRequest.self), .init(LeaveGroupRequest.self), .init(SyncGroupRequest.self), .init(DescribeGroupsRequest.self),
        .init(ListGroupsRequest.self), .init(ApiVersionsRequest.self), .init(CreateTopicsRequest.self), .init(DeleteTopicsRequest.self),
        .init(DeleteRecordsRequest.self), .init(InitProducerIdRequest.self), .init(OffsetForLeaderEpochRequest.self),
        .init(AddPartitionsToTxnRequest.self), .init(AddOffsetsToTxnRequest.self), .init(EndTxnRequest.self),
        .init(TxnOffsetCommitRequest.self), .init(DescribeConfigsRequest.self), .init(AlterConfigsRequest.self),
        .init(CreatePartitionsRequest.self), .init(DeleteGroupsRequest.self), .init(IncrementalAlterConfigsRequest.self),
        .init(OffsetDeleteRequest.self), .init(DescribeClusterRequest.self),
        .init(SaslHandshakeRequest.self, mayClose: true), .init(SaslAuthenticateRequest.self, mayClose: true),
        .init(CreateAclsRequest.self), .init(DescribeAclsRequest.self), .init(DeleteAclsRequest.self),
    ]
}
