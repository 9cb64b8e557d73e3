import KafkaProtocol
import MeshTesting

/// How frames of one request are made, and its answers are read.
struct RequestKind: Sendable {
    let api: APIKey
    let make: @Sendable (_ version: Int16, _ correlationID: Int32, inout SeededGenerator) throws -> [UInt8]
    /// Throws when the answer's body is not of this request.
    let read: @Sendable (_ answer: [UInt8], _ version: Int16) throws -> Void

    /// Whether the broker may close the connection on a right request: on a handshake or token out of order.
    var mayBeClosed: Bool { api == .saslHandshake || api == .saslAuthenticate }

    /// The requests of which a broken one may ask for any wait, or for no answer (Produce); all others are answered at once or never.
    static func maySleep(_ frame: [UInt8]) -> Bool {
        guard frame.count >= 6 else { return false }
        return [APIKey.produce, .fetch, .joinGroup, .syncGroup].contains { $0.rawValue == Int16(frame[4]) << 8 | Int16(frame[5]) }
    }

    /// - Parameter tame: bounds waits that a client may ask for, and what only makes the test slow.
    init<Request: APIRequest>(_: Request.Type, tame: @escaping @Sendable (inout Request) -> Void = { _ in }) {
        api = Request.api
        make = { version, correlationID, random in
            var filler = RandomFiller(version: version, isFlexible: Request.api.isFlexible(version), random: random)
            var request = Request()
            try request.code(&filler)
            random = filler.random
            tame(&request)
            let parts = MessageWriter.request(request, correlationID: correlationID, clientID: "fuzz", version: version)
            return parts.flatMap { part -> [UInt8] in if case .bytes(let bytes) = part { Array(bytes) } else { [] } }
        }
        read = { answer, version in _ = try Self.response(to: Request.self, answer, version) }
    }

    /// Reads a whole answer. Throws when bytes are wrong or left over.
    static func response<Request: APIRequest>(to _: Request.Type, _ answer: [UInt8], _ version: Int16) throws -> Request.Response {
        // Four bytes of correlation id, and empty tagged fields in flexible versions.
        let isFlexible = Request.api.isFlexible(version)
        let start = isFlexible && Request.api != .apiVersions ? 5 : 4
        guard answer.count >= start else { throw FuzzError(description: "\(answer.count) bytes") }
        var reader = MessageReader(answer, from: start, version: version, isFlexible: isFlexible)
        var response = Request.Response()
        try response.code(&reader)
        try reader.finish()
        return response
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
        .init(SaslHandshakeRequest.self), .init(SaslAuthenticateRequest.self),
        .init(DescribeAclsRequest.self), .init(CreateAclsRequest.self), .init(DeleteAclsRequest.self),
    ]
}
