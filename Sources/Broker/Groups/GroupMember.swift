import KafkaProtocol

/// A way in which a group can share its work, and what a member says for it.
struct GroupProtocol: Equatable {
    var name: String
    var metadata: [UInt8]
}

/// One member of a group. On the broker's thread.
final class GroupMember {
    let id: String
    /// `group.instance.id` of a static member.
    let instanceID: String?
    /// The order in which members came, so that nothing hangs on the order of a hash table.
    let number: Int
    var clientID: String
    var clientHost: String
    var sessionTimeoutMs: Int32
    var rebalanceTimeoutMs: Int32
    /// In the order of the member's preference; each name once.
    var protocols: [GroupProtocol]
    var assignment: [UInt8] = []
    /// It has never been in a generation.
    var isNew = false
    /// Who waits for the answer to a JoinGroup or SyncGroup of this member.
    private(set) var join: ((JoinGroupResponse) -> Void)?
    private(set) var sync: ((SyncGroupResponse) -> Void)?
    /// When it counts as dead.
    let session: Deadline

    init(id: String, number: Int, profile: MemberProfile, session: Deadline) {
        self.id = id
        self.number = number
        self.session = session
        instanceID = profile.instanceID
        clientID = profile.clientID
        clientHost = profile.clientHost
        sessionTimeoutMs = profile.sessionTimeoutMs
        rebalanceTimeoutMs = profile.rebalanceTimeoutMs
        protocols = profile.protocols
    }

    var isStatic: Bool { instanceID != nil }
    var isWaitingForJoin: Bool { join != nil }
    var isWaitingForSync: Bool { sync != nil }

    func metadata(for protocolName: String?) -> [UInt8] { protocols.first { $0.name == protocolName }?.metadata ?? [] }

    /// What it takes of the limit on metadata.
    var bytes: Int { id.utf8.count + (instanceID?.utf8.count ?? 0) + protocols.bytes + assignment.count }

    /// The answer to an earlier request that still waits tells that client to come again; it has mostly gone.
    func waitForJoin(_ reply: @escaping (JoinGroupResponse) -> Void) {
        answerJoin(.failure(.rebalanceInProgress, memberID: id))
        join = reply
    }

    func waitForSync(_ reply: @escaping (SyncGroupResponse) -> Void) {
        answerSync(.failure(.rebalanceInProgress))
        sync = reply
    }

    /// Returns whether somebody waited.
    @discardableResult
    func answerJoin(_ response: JoinGroupResponse) -> Bool {
        guard let reply = join else { return false }
        join = nil
        reply(response)
        return true
    }

    @discardableResult
    func answerSync(_ response: SyncGroupResponse) -> Bool {
        guard let reply = sync else { return false }
        sync = nil
        reply(response)
        return true
    }
}

/// What a member says of itself when it joins.
struct MemberProfile {
    var instanceID: String?
    var clientID: String
    var clientHost: String
    var sessionTimeoutMs: Int32
    var rebalanceTimeoutMs: Int32
    var protocolType: String
    var protocols: [GroupProtocol]

    init(_ request: JoinGroupRequest, _ context: RequestContext) {
        instanceID = request.groupInstanceId
        clientID = context.clientID
        clientHost = context.host
        sessionTimeoutMs = request.sessionTimeoutMs
        // Version 0 has only one time-out.
        rebalanceTimeoutMs = request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
        protocolType = request.protocolType
        var names: Set<String> = []
        protocols = request.protocols.compactMap {
            names.insert($0.name).inserted ? GroupProtocol(name: $0.name, metadata: $0.metadata) : nil
        }
    }

    init(_ member: GroupMetadataValue.MemberMetadata, protocolType: String, protocolName: String?) {
        instanceID = member.groupInstanceId
        clientID = member.clientId
        clientHost = member.clientHost
        sessionTimeoutMs = member.sessionTimeout
        rebalanceTimeoutMs = member.rebalanceTimeout < 0 ? member.sessionTimeout : member.rebalanceTimeout
        self.protocolType = protocolType
        protocols = [GroupProtocol(name: protocolName ?? "", metadata: member.subscription)]
    }
}

extension [GroupProtocol] {
    var bytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.metadata.count } }
}

extension JoinGroupResponse {
    static func failure(_ error: ErrorCode, memberID: String) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.errorCode = error.rawValue
        response.memberId = memberID
        return response
    }
}

extension SyncGroupResponse {
    static func failure(_ error: ErrorCode) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.errorCode = error.rawValue
        return response
    }
}
