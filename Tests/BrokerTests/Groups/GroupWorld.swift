import KafkaProtocol
import Testing

@testable import Broker

/// An answer that comes now or later, and once.
final class GroupAnswer<Response> {
    private(set) var value: Response?

    func callAsFunction(_ response: Response) {
        if value != nil { Issue.record("answered twice") }
        value = response
    }
}

/// Refuses what a test names.
final class GroupAuthorizer: Authorizer {
    struct Rule: Hashable {
        var operation: ACLOperation
        var type: ACLResourceType
        var name: String
    }

    var refused: Set<Rule> = []

    func refuse(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String) {
        refused.insert(Rule(operation: operation, type: type, name: name))
    }

    func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool {
        !refused.contains(Rule(operation: operation, type: type, name: name))
    }
}

/// A coordinator with time, log and flushing in the test's hand.
final class GroupWorld {
    let scheduler = ManualScheduler()
    let log = MemoryStateLog()
    let durability = ManualDurability()
    let authorizer = GroupAuthorizer()
    var settings: GroupSettings
    private(set) var coordinator: GroupCoordinator
    var reports: [String] = []
    /// Where partitions end, at the next start.
    var ends: [TopicPartition: Int64] = [:]
    private let ids = Counter()

    final class Counter {
        var last: UInt64 = 0
    }

    init(_ settings: GroupSettings = GroupSettings()) {
        self.settings = settings
        log.clock = { [scheduler] in scheduler.wallClock }
        coordinator = Self.make(settings, log, durability, scheduler, authorizer, ids)
        coordinator.hooks.report = { [unowned self] in reports.append($0) }
        coordinator.startRetention()
    }

    private static func make(
        _ settings: GroupSettings, _ log: MemoryStateLog, _ durability: ManualDurability, _ scheduler: ManualScheduler,
        _ authorizer: any Authorizer,
        _ ids: Counter
    ) -> GroupCoordinator {
        let hooks = GroupHooks(
            address: { _ in CoordinatorAddress(nodeID: 1, host: "localhost", port: 9092) },
            partitionExists: { $0.topic != "missing" && $0.partition < 4 },
            makeUUID: {
                ids.last += 1
                return WireUUID(high: 0, low: ids.last)
            })
        return GroupCoordinator(
            log: log, durability: durability, scheduler: scheduler, authorizer: authorizer, settings: settings, hooks: hooks)
    }

    /// The broker ends and starts again.
    func restart() throws {
        coordinator = Self.make(settings, log, durability, scheduler, authorizer, ids)
        coordinator.hooks.report = { [unowned self] in reports.append($0) }
        coordinator.hooks.endOffset = { [ends] in ends[$0] }
        try coordinator.load()
    }

    func group(_ id: String = "g") -> Group? { coordinator.groups[id] }
    func advance(_ milliseconds: Int64) { scheduler.advance(by: milliseconds) }

    // MARK: Requests

    func context(_ version: Int16, client: String = "c", _ connection: Session = Session()) -> RequestContext {
        RequestContext(version: version, clientID: client, session: connection)
    }

    func join(
        _ member: String = "", group: String = "g", instance: String? = nil, type: String = "consumer", protocols: [String] = ["range"],
        metadata: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 1, 0x74], session: Int32 = 10_000, rebalance: Int32 = 30_000, version: Int16 = 9,
        by connection: Session = Session()
    ) -> GroupAnswer<JoinGroupResponse> {
        var request = JoinGroupRequest()
        request.groupId = group
        request.memberId = member
        request.groupInstanceId = instance
        request.sessionTimeoutMs = session
        request.rebalanceTimeoutMs = rebalance
        request.protocolType = type
        request.protocols = protocols.map { name in
            var item = JoinGroupRequest.JoinGroupRequestProtocol()
            item.name = name
            item.metadata = metadata
            return item
        }
        let answer = GroupAnswer<JoinGroupResponse>()
        coordinator.join(request, context(version, connection)) { answer($0) }
        return answer
    }

    /// The first join of a dynamic member: gets an id, and joins with it.
    func joinFirst(
        group: String = "g", protocols: [String] = ["range"], metadata: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 1, 0x74], session: Int32 = 10_000,
        rebalance: Int32 = 30_000, by connection: Session = Session()
    ) throws -> (id: String, answer: GroupAnswer<JoinGroupResponse>) {
        let first = try #require(join(group: group, protocols: protocols, metadata: metadata, session: session, rebalance: rebalance).value)
        try #require(first.errorCode == ErrorCode.memberIDRequired.rawValue)
        let answer = join(
            first.memberId, group: group, protocols: protocols, metadata: metadata, session: session, rebalance: rebalance, by: connection)
        return (first.memberId, answer)
    }

    func sync(
        _ member: String, _ generation: Int32, group: String = "g", instance: String? = nil, assignments: [String: [UInt8]] = [:],
        type: String? = "consumer", protocol name: String? = "range", version: Int16 = 5, by connection: Session = Session()
    ) -> GroupAnswer<SyncGroupResponse> {
        var request = SyncGroupRequest()
        request.groupId = group
        request.memberId = member
        request.generationId = generation
        request.groupInstanceId = instance
        request.protocolType = type
        request.protocolName = name
        request.assignments = assignments.sorted { $0.key < $1.key }.map { id, bytes in
            var item = SyncGroupRequest.SyncGroupRequestAssignment()
            item.memberId = id
            item.assignment = bytes
            return item
        }
        let answer = GroupAnswer<SyncGroupResponse>()
        coordinator.sync(request, context(version, connection)) { answer($0) }
        return answer
    }

    func heartbeat(_ member: String, _ generation: Int32, group: String = "g", instance: String? = nil) -> ErrorCode? {
        var request = HeartbeatRequest()
        request.groupId = group
        request.memberId = member
        request.generationId = generation
        request.groupInstanceId = instance
        return ErrorCode(rawValue: coordinator.heartbeat(request, context(4)).errorCode)
    }

    func leave(_ members: [(id: String, instance: String?)], group: String = "g") -> [ErrorCode?] {
        var request = LeaveGroupRequest()
        request.groupId = group
        request.members = members.map { member in
            var identity = LeaveGroupRequest.MemberIdentity()
            identity.memberId = member.id
            identity.groupInstanceId = member.instance
            return identity
        }
        return coordinator.leave(request, context(5)).members.map { ErrorCode(rawValue: $0.errorCode) }
    }

    /// A stable group of members that joined in this order; the first leads, and each got its number as its assignment.
    func stable(_ count: Int, group: String = "g", session: Int32 = 10_000) throws -> (ids: [String], generation: Int32) {
        var ids: [String] = []
        var answers: [GroupAnswer<JoinGroupResponse>] = []
        for _ in 0..<count {
            let (id, answer) = try joinFirst(group: group, session: session)
            ids.append(id)
            answers.append(answer)
        }
        advance(0)
        let generation = try #require(answers[0].value).generationId
        let assignments = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, [UInt8($0)]) })
        let syncs = ids.map { sync($0, generation, group: group, assignments: $0 == ids[0] ? assignments : [:]) }
        for (index, sync) in syncs.enumerated() { #expect(sync.value?.assignment == [UInt8(index)]) }
        #expect(self.group(group)?.state == .stable)
        return (ids, generation)
    }
}
