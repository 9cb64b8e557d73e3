import KafkaProtocol

enum GroupState: String, CaseIterable {
    case empty = "Empty"
    /// Members are to join again.
    case preparingRebalance = "PreparingRebalance"
    /// The leader is to say who does what.
    case completingRebalance = "CompletingRebalance"
    case stable = "Stable"
    case dead = "Dead"
}

/// Bytes that members say of themselves, over all groups.
final class MetadataUsage {
    var bytes = 0
}

/// A group: its members, what they agreed on, and its committed offsets. Decides nothing about time or answers. On the broker's thread.
final class Group {
    let id: String
    private(set) var state = GroupState.empty
    private(set) var previousState = GroupState.empty
    /// When the state was entered, in milliseconds since 1970; nil when the record that it was loaded from does not say it.
    private(set) var stateTimestamp: Int64?
    private(set) var generation: Int32 = 0
    /// As `consumer` or `connect`; nil as long as nobody has joined.
    private(set) var protocolType: String?
    private(set) var protocolName: String?
    private(set) var leader: String?
    private(set) var members: [String: GroupMember] = [:]
    private(set) var staticMembers: [String: String] = [:]
    /// Those that were given an id and have not come back with it.
    private(set) var pendingMembers: [String: Deadline] = [:]
    /// Those that have joined this generation and have not asked for their part.
    var pendingSync: Set<String> = []
    /// A member came while the first members of an empty group are waited for.
    var hasNewMember = false
    /// What the consumers among the members read; nil when that is not known.
    private(set) var subscribedTopics: Set<String>?
    /// Whether the log knows of the group itself, not only of its offsets.
    var isRecorded = false
    var offsets: [TopicPartition: CommittedOffset] = [:]
    /// When it was said last that an offset was set back, in milliseconds of the monotonic clock.
    var toldOfSetBack: Int64?

    let joinDeadline: Deadline
    let syncDeadline: Deadline

    /// How many members support each protocol.
    private var support: [String: Int] = [:]
    private var lastNumber = 0
    private let scheduler: any Scheduler
    private let usage: MetadataUsage

    init(id: String, scheduler: any Scheduler, usage: MetadataUsage) {
        self.id = id
        self.scheduler = scheduler
        self.usage = usage
        joinDeadline = Deadline(scheduler)
        syncDeadline = Deadline(scheduler)
        stateTimestamp = scheduler.wallClock
    }

    var isConsumerGroup: Bool { protocolType == "consumer" }
    var ordered: [GroupMember] { members.values.sorted { $0.number < $1.number } }
    /// In milliseconds: the longest that a member asked for.
    var rebalanceTimeoutMs: Int64 { Int64(members.values.map { $0.rebalanceTimeoutMs }.max() ?? 0) }
    var waitingJoins: Int { members.values.count { $0.isWaitingForJoin } }
    var hasAllJoined: Bool { pendingMembers.isEmpty && members.values.allSatisfy { $0.isWaitingForJoin } }
    var canRebalance: Bool { state == .empty || state == .completingRebalance || state == .stable }
    /// It is nothing but a name.
    var isUnused: Bool { state == .empty && members.isEmpty && pendingMembers.isEmpty && offsets.isEmpty && !isRecorded && generation == 0 }

    func enter(_ next: GroupState) {
        previousState = state
        state = next
        stateTimestamp = scheduler.wallClock
    }

    // MARK: Members

    func makeMember(_ id: String, _ profile: MemberProfile) -> GroupMember {
        lastNumber += 1
        return GroupMember(id: id, number: lastNumber, profile: profile, session: Deadline(scheduler))
    }

    func add(_ member: GroupMember, protocolType: String) {
        if members.isEmpty { self.protocolType = protocolType }
        if leader == nil { leader = member.id }
        removePending(member.id)
        if let instance = member.instanceID { staticMembers[instance] = member.id }
        members[member.id] = member
        count(member, 1)
    }

    /// Gives an id to somebody who has to come back with it before `deadline`.
    func addPending(_ id: String, _ deadline: Deadline) {
        usage.bytes += Self.pendingBytes(id)
        pendingMembers[id] = deadline
    }

    private func removePending(_ id: String) {
        guard let deadline = pendingMembers.removeValue(forKey: id) else { return }
        usage.bytes -= Self.pendingBytes(id)
        deadline.cancel()
    }

    /// What a member takes that was given an id: about as much beside that as is allocated for its deadline.
    static func pendingBytes(_ id: String) -> Int { id.utf8.count + 300 }

    /// Who waits for an answer to this member is told that it is none any more.
    func remove(_ id: String) {
        removePending(id)
        pendingSync.remove(id)
        guard let member = members.removeValue(forKey: id) else { return }
        count(member, -1)
        member.session.cancel()
        if let instance = member.instanceID, staticMembers[instance] == id { staticMembers[instance] = nil }
        if leader == id { leader = members.values.min { $0.number < $1.number }?.id }
        member.answerJoin(.failure(.unknownMemberID, memberID: ""))
        member.answerSync(.failure(.unknownMemberID))
    }

    func update(_ member: GroupMember, _ profile: MemberProfile) {
        count(member, -1)
        member.protocols = profile.protocols
        member.clientID = profile.clientID
        member.clientHost = profile.clientHost
        member.sessionTimeoutMs = profile.sessionTimeoutMs
        member.rebalanceTimeoutMs = profile.rebalanceTimeoutMs
        count(member, 1)
    }

    /// Puts a static member that came back under a new id in the place of the old one, whose requests are fenced.
    func replaceStatic(_ old: GroupMember, by newID: String, _ profile: MemberProfile) -> GroupMember {
        let new = GroupMember(id: newID, number: old.number, profile: profile, session: Deadline(scheduler))
        new.assignment = old.assignment
        members[old.id] = nil
        pendingSync.remove(old.id)
        old.session.cancel()
        count(old, -1)
        members[newID] = new
        count(new, 1)
        if leader == old.id { leader = newID }
        if let instance = new.instanceID { staticMembers[instance] = newID }
        old.answerJoin(.failure(.fencedInstanceID, memberID: old.id))
        old.answerSync(.failure(.fencedInstanceID))
        return new
    }

    /// Undoes `replaceStatic`.
    func restoreStatic(_ old: GroupMember, insteadOf new: GroupMember) {
        members[new.id] = nil
        new.session.cancel()
        count(new, -1)
        members[old.id] = old
        count(old, 1)
        if leader == new.id { leader = old.id }
        if let instance = old.instanceID { staticMembers[instance] = old.id }
    }

    func assign(_ assignment: [UInt8], to member: GroupMember) {
        usage.bytes += assignment.count - member.assignment.count
        member.assignment = assignment
    }

    private func count(_ member: GroupMember, _ sign: Int) {
        usage.bytes += sign * member.bytes
        for item in member.protocols {
            let supporters = support[item.name, default: 0] + sign
            support[item.name] = supporters == 0 ? nil : supporters
        }
    }

    /// Throws what is wrong with who claims to be a member.
    func check(_ memberID: String, _ instanceID: String?) throws(ErrorCode) {
        if let instanceID {
            guard let current = staticMembers[instanceID] else { throw .unknownMemberID }
            guard current == memberID else { throw .fencedInstanceID }
        }
        guard members[memberID] != nil else { throw .unknownMemberID }
    }

    // MARK: Protocols

    /// Whether somebody with these protocols can join: they are of the group's kind, and one is known to all members.
    func supports(_ profile: MemberProfile) -> Bool {
        if state == .empty { return !profile.protocolType.isEmpty && !profile.protocols.isEmpty }
        return protocolType == profile.protocolType && profile.protocols.contains { support[$0.name, default: 0] == members.count }
    }

    /// The protocol that most members put first among those that all know; when two have as many votes, the one that the eldest member prefers.
    func selectProtocol() -> String? {
        let candidates = Set(support.filter { $0.value == members.count }.keys)
        var votes: [String: Int] = [:]
        var order: [String] = []
        for member in ordered {
            guard let choice = member.protocols.first(where: { candidates.contains($0.name) }) else { continue }
            if votes[choice.name] == nil { order.append(choice.name) }
            votes[choice.name, default: 0] += 1
        }
        var best: String?
        for name in order where votes[name, default: 0] > best.map({ votes[$0, default: 0] }) ?? 0 { best = name }
        return best
    }

    // MARK: Generations

    /// Makes sure that the leader is one who has joined again. Returns whether there is one.
    func electJoinedLeader() -> Bool {
        guard let leader, let current = members[leader] else { return false }
        if current.isWaitingForJoin { return true }
        guard let next = ordered.first(where: { $0.isWaitingForJoin }) else { return false }
        self.leader = next.id
        return true
    }

    func startGeneration() {
        // After the last number the first comes again: a generation is only compared for equality.
        generation = generation == .max ? 1 : generation + 1
        pendingSync = []
        hasNewMember = false
        protocolName = members.isEmpty ? nil : selectProtocol()
        subscribedTopics = Subscription.topics(of: self)
        enter(members.isEmpty ? .empty : .completingRebalance)
    }

    /// As the log has it. Members count as alive until their sessions end.
    func restore(_ value: GroupMetadataValue) {
        isRecorded = true
        generation = value.generation
        protocolName = value.protocol
        for metadata in value.members {
            let profile = MemberProfile(metadata, protocolType: value.protocolType, protocolName: value.protocol)
            let member = makeMember(metadata.memberId, profile)
            add(member, protocolType: value.protocolType)
            assign(metadata.assignment, to: member)
        }
        protocolType = value.protocolType.isEmpty ? nil : value.protocolType
        leader = value.leader.flatMap { members[$0]?.id } ?? leader
        subscribedTopics = Subscription.topics(of: self)
        enter(members.isEmpty ? .empty : .stable)
        stateTimestamp = value.currentStateTimestamp < 0 ? nil : value.currentStateTimestamp
    }

    /// What the log is to keep, with these assignments.
    func record(assignments: [String: [UInt8]]) -> GroupMetadataValue {
        var value = GroupMetadataValue()
        value.protocolType = protocolType ?? ""
        value.generation = generation
        value.protocol = protocolName
        value.leader = leader
        value.currentStateTimestamp = stateTimestamp ?? -1
        value.members = ordered.map { member in
            var metadata = GroupMetadataValue.MemberMetadata()
            metadata.memberId = member.id
            metadata.groupInstanceId = member.instanceID
            metadata.clientId = member.clientID
            metadata.clientHost = member.clientHost
            metadata.rebalanceTimeout = member.rebalanceTimeoutMs
            metadata.sessionTimeout = member.sessionTimeoutMs
            metadata.subscription = member.metadata(for: protocolName)
            metadata.assignment = assignments[member.id] ?? []
            return metadata
        }
        return value
    }
}
