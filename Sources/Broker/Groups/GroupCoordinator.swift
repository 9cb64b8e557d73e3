import KafkaProtocol

/// Keeps the groups of consumers and their committed offsets: Kafka's classic group protocol, in which a member leads and the broker keeps order.
///
/// Group metadata and offsets are records of a state log, in Kafka's formats. What is in memory is what was appended; answers that acknowledge it or tell
/// of it wait until it is durable. On the broker's thread.
final class GroupCoordinator {
    let log: any StateLog
    let durability: any Durability
    let scheduler: any Scheduler
    let authorizer: any Authorizer
    let settings: GroupSettings
    var hooks: GroupHooks

    var groups: [String: Group] = [:]
    var pending = PendingOffsets()
    var epochs = ProducerEpochs()
    let usage = MetadataUsage()
    /// When offsets are looked through for old ones.
    let retention: Deadline
    private var lastOrder: Int64 = 0

    init(
        log: any StateLog, durability: any Durability, scheduler: any Scheduler, authorizer: any Authorizer,
        settings: GroupSettings = GroupSettings(),
        hooks: GroupHooks
    ) {
        self.log = log
        self.durability = durability
        self.scheduler = scheduler
        self.authorizer = authorizer
        self.settings = settings
        self.hooks = hooks
        retention = Deadline(scheduler)
    }

    func register(in dispatcher: inout Dispatcher) {
        dispatcher.on(FindCoordinatorRequest.self) { [unowned self] request, context in find(request, context) }
        dispatcher.on(JoinGroupRequest.self) { [unowned self] in join($0, $1, $2) }
        dispatcher.on(SyncGroupRequest.self) { [unowned self] in sync($0, $1, $2) }
        dispatcher.on(HeartbeatRequest.self) { [unowned self] request, context in heartbeat(request, context) }
        dispatcher.on(LeaveGroupRequest.self) { [unowned self] request, context in leave(request, context) }
        dispatcher.on(OffsetCommitRequest.self) { [unowned self] in commit($0, $1, $2) }
        dispatcher.on(TxnOffsetCommitRequest.self) { [unowned self] in commitInTransaction($0, $1, $2) }
        dispatcher.on(OffsetFetchRequest.self) { [unowned self] in fetch($0, $1, $2) }
        dispatcher.on(OffsetDeleteRequest.self) { [unowned self] in deleteOffsets($0, $1, $2) }
        dispatcher.on(ListGroupsRequest.self) { [unowned self] request, context in list(request, context) }
        dispatcher.on(DescribeGroupsRequest.self) { [unowned self] request, context in describe(request, context) }
        dispatcher.on(DeleteGroupsRequest.self) { [unowned self] in delete($0, $1, $2) }
    }

    /// The place in the log of what is appended next.
    func nextOrder() -> Int64 {
        lastOrder += 1
        return lastOrder
    }

    // MARK: Groups

    /// Bytes of a group's id at most. The id stands in the record of each of its offsets, so a long one makes a small commit a large batch.
    static let maximumIDBytes = 1_024

    /// The group, made when it does not exist. Throws `invalidGroupID` for an id that is too long, `policyViolation` when there are too many groups.
    func groupOrNew(_ id: String) throws(ErrorCode) -> Group {
        if let group = groups[id] { return group }
        guard id.utf8.count <= Self.maximumIDBytes else { throw .invalidGroupID }
        guard groups.count < settings.maximumGroups else { throw .policyViolation }
        return addGroup(id)
    }

    func addGroup(_ id: String) -> Group {
        let group = Group(id: id, scheduler: scheduler, usage: usage)
        groups[id] = group
        return group
    }

    /// Forgets a group of which the log knows nothing and which has nobody.
    func dropIfUnused(_ group: Group) {
        guard group.isUnused, groups[group.id] === group, !pending.isPending(group.id) else { return }
        forget(group)
    }

    func forget(_ group: Group) {
        for member in group.pendingMembers.keys { group.remove(member) }
        group.joinDeadline.cancel()
        group.syncDeadline.cancel()
        group.enter(.dead)
        groups[group.id] = nil
    }

    /// Writes the group as it is, with these assignments.
    func record(_ group: Group, assignments: [String: [UInt8]]) throws(ErrorCode) {
        var key = GroupMetadataKey()
        key.group = group.id
        try log.append([GroupRecord.group(key, group.record(assignments: assignments)).stateRecord])
        group.isRecorded = true
    }

    /// What a client is told when the log refuses a group's record: to find the coordinator again, and so to come again, when that can help.
    static func answer(toGroup error: ErrorCode) -> ErrorCode {
        switch error {
        case .kafkaStorageError, .notLeaderOrFollower: .notCoordinator
        case .messageTooLarge, .recordListTooLarge, .invalidFetchSize: .unknownServerError
        default: error
        }
    }

    static func answer(toCommit error: ErrorCode) -> ErrorCode {
        switch error {
        case .kafkaStorageError, .notLeaderOrFollower: .notCoordinator
        case .messageTooLarge, .recordListTooLarge, .invalidFetchSize: .invalidCommitOffsetSize
        default: error
        }
    }

    // MARK: Coordinators

    /// One broker coordinates everything.
    func find(_ request: FindCoordinatorRequest, _ context: RequestContext) -> FindCoordinatorResponse {
        var response = FindCoordinatorResponse()
        let keys = context.version >= 4 ? request.coordinatorKeys : [request.key]
        for key in keys {
            var coordinator = FindCoordinatorResponse.Coordinator()
            coordinator.key = key
            do throws(ErrorCode) {
                try check(key: key, type: request.keyType, context)
                let address = hooks.address(context)
                coordinator.nodeId = address.nodeID
                coordinator.host = address.host
                coordinator.port = address.port
            } catch {
                coordinator.errorCode = error.rawValue
                coordinator.nodeId = -1
                coordinator.port = -1
            }
            response.coordinators.append(coordinator)
        }
        if context.version < 4, let only = response.coordinators.first {
            response.errorCode = only.errorCode
            response.nodeId = only.nodeId
            response.host = only.host
            response.port = only.port
        }
        return response
    }

    private func check(key: String, type: Int8, _ context: RequestContext) throws(ErrorCode) {
        switch type {
        case 0: guard authorizer.allows(.describe, .group, key, context) else { throw .groupAuthorizationFailed }
        case 1: guard authorizer.allows(.describe, .transactionalID, key, context) else { throw .transactionalIDAuthorizationFailed }
        default: throw .invalidRequest
        }
    }
}
