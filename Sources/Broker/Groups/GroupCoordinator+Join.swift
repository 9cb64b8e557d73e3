import KafkaProtocol

/// JoinGroup: who comes in, and under which id.
extension GroupCoordinator {
    /// A JoinGroup and who waits for its answer.
    struct Join {
        let request: JoinGroupRequest
        let version: Int16
        let profile: MemberProfile
        let session: Session
        let reply: (JoinGroupResponse) -> Void
    }

    func join(_ request: JoinGroupRequest, _ context: RequestContext, _ reply: @escaping (JoinGroupResponse) -> Void) {
        admit(request, context, reply)
        if context.session.hasEnded { context.session.end() }
    }

    private func admit(_ request: JoinGroupRequest, _ context: RequestContext, _ reply: @escaping (JoinGroupResponse) -> Void) {
        do throws(ErrorCode) {
            guard authorizer.allows(.read, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
            guard !request.groupId.isEmpty else { throw .invalidGroupID }
            guard (settings.minimumSessionTimeoutMs...settings.maximumSessionTimeoutMs).contains(request.sessionTimeoutMs) else {
                throw .invalidSessionTimeout
            }
            let isNew = request.memberId.isEmpty
            guard let group = isNew ? try groupOrNew(request.groupId) : groups[request.groupId] else { throw .unknownMemberID }
            defer { dropIfUnused(group) }
            let join = Join(
                request: request, version: context.version, profile: MemberProfile(request, context), session: context.session, reply: reply
            )
            try checkSize(join)
            guard hasRoom(group, for: request.memberId) else {
                group.remove(request.memberId)
                maybeCompleteJoin(group)
                return reply(.failure(.groupMaxSizeReached, memberID: ""))
            }
            guard group.supports(join.profile) else { throw .inconsistentGroupProtocol }
            if isNew { try joinNew(join, group) } else { try joinAgain(join, group) }
        } catch {
            reply(.failure(error, memberID: request.memberId))
        }
    }

    private func checkSize(_ join: Join) throws(ErrorCode) {
        let bytes = join.profile.protocols.bytes
        guard bytes <= settings.maximumMemberBytes, usage.bytes + bytes <= settings.maximumMetadataBytes else { throw .messageTooLarge }
    }

    /// While members come back for a new generation only those who have come count: the others may be gone.
    private func hasRoom(_ group: Group, for memberID: String) -> Bool {
        if group.members.count < settings.maximumMembers || group.state == .empty { return true }
        if group.state != .preparingRebalance { return group.members[memberID] != nil }
        return group.members[memberID]?.isWaitingForJoin == true || group.waitingJoins < settings.maximumMembers
    }

    private func joinNew(_ join: Join, _ group: Group) throws(ErrorCode) {
        let name = join.profile.instanceID ?? join.profile.clientID
        // Text on the wire has at most 32,767 bytes; one character may have thousands.
        let newID = "\(String(decoding: name.utf8.prefix(255), as: UTF8.self))-\(hooks.makeUUID().hyphenated)"
        if let instanceID = join.profile.instanceID {
            if let old = group.staticMembers[instanceID].flatMap({ group.members[$0] }) {
                return replaceStatic(old, by: newID, join, group)
            }
            return add(newID, join, group)
        }
        // From version 4 on a client has to come again with its id: else each of its tries would leave a member behind.
        guard join.version >= 4 else { return add(newID, join, group) }
        guard group.pendingMembers.count < settings.maximumPendingMembers,
            usage.bytes + Group.pendingBytes(newID) <= settings.maximumMetadataBytes
        else { throw .groupMaxSizeReached }
        let deadline = Deadline(scheduler)
        deadline.set(after: Int64(join.profile.sessionTimeoutMs)) { [unowned self, unowned group] in expirePending(newID, group) }
        group.addPending(newID, deadline)
        join.reply(.failure(.memberIDRequired, memberID: newID))
    }

    private func joinAgain(_ join: Join, _ group: Group) throws(ErrorCode) {
        let memberID = join.request.memberId
        if group.pendingMembers[memberID] != nil {
            // A static member never was pending.
            guard join.profile.instanceID == nil else { throw .unknownServerError }
            return add(memberID, join, group)
        }
        try group.check(memberID, join.profile.instanceID)
        guard let member = group.members[memberID] else { throw .unknownMemberID }
        let isSame = member.protocols == join.profile.protocols
        switch group.state {
        case .preparingRebalance: update(member, join, group)
        case .completingRebalance:
            // With the same metadata it has most likely missed the answer: here it is again.
            if isSame { join.reply(currentGeneration(member, group)) } else { update(member, join, group) }
        case .stable:
            // A leader that joins again knows of something new to share: topics, partitions.
            if group.leader == memberID || !isSame { update(member, join, group) } else { join.reply(currentGeneration(member, group)) }
        case .empty, .dead: throw .unknownMemberID
        }
    }

    private func add(_ memberID: String, _ join: Join, _ group: Group) {
        let member = group.makeMember(memberID, join.profile)
        member.isNew = true
        if group.state == .preparingRebalance, group.previousState == .empty { group.hasNewMember = true }
        wait(member, join, group)
        group.add(member, protocolType: join.profile.protocolType)
        restartSession(member, group, after: settings.newMemberJoinTimeoutMs)
        rebalance(group)
    }

    private func update(_ member: GroupMember, _ join: Join, _ group: Group) {
        group.update(member, join.profile)
        wait(member, join, group)
        rebalance(group)
    }

    private func wait(_ member: GroupMember, _ join: Join, _ group: Group) {
        member.waitForJoin(join.reply)
        watch(join.session, member, group)
    }

    /// The answer to a member that need not wait.
    func currentGeneration(_ member: GroupMember, _ group: Group) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.memberId = member.id
        response.generationId = group.generation
        response.protocolType = group.protocolType
        response.protocolName = group.protocolName
        response.leader = group.leader ?? ""
        if group.leader == member.id { response.members = described(group) }
        return response
    }

    /// What the leader has to know to share the work.
    private func described(_ group: Group) -> [JoinGroupResponse.JoinGroupResponseMember] {
        group.ordered.map { member in
            var described = JoinGroupResponse.JoinGroupResponseMember()
            described.memberId = member.id
            described.groupInstanceId = member.instanceID
            described.metadata = member.metadata(for: group.protocolName)
            return described
        }
    }

    // MARK: Static members

    /// A static member has come back: it takes the place of its former self, in a stable group without a rebalance.
    private func replaceStatic(_ old: GroupMember, by newID: String, _ join: Join, _ group: Group) {
        let formerLeader = group.leader
        let member = group.replaceStatic(old, by: newID, join.profile)
        restartSession(member, group)
        wait(member, join, group)
        switch group.state {
        case .stable where group.selectProtocol() == group.protocolName: keepPlace(member, of: old, formerLeader, join, group)
        // The leader may be sharing the work among ids of which one is no more.
        case .stable, .completingRebalance: rebalance(group)
        case .preparingRebalance, .empty, .dead: maybeCompleteJoin(group)
        }
    }

    private func keepPlace(_ member: GroupMember, of old: GroupMember, _ formerLeader: String?, _ join: Join, _ group: Group) {
        do throws(ErrorCode) {
            try record(group, assignments: group.members.mapValues { $0.assignment })
        } catch {
            return giveBackPlace(of: member, to: old, error, group)
        }
        let generation = group.generation
        durability.whenDurable([.consumerOffsets]) { [unowned self] isDurable in
            guard groups[group.id] === group, group.members[member.id] === member else { return }
            // Another rebalance has begun meanwhile, and answers.
            guard group.state == .stable, group.generation == generation else { return }
            guard isDurable else { return giveBackPlace(of: member, to: old, .kafkaStorageError, group) }
            var response = currentGeneration(member, group)
            if join.version >= 9 {
                // It leads on, but what it would work out is there already.
                response.skipAssignment = group.leader == member.id
            } else {
                // Older clients cannot be told so: they are shown their former self as the leader, and so follow.
                response.leader = formerLeader ?? ""
                response.members = []
            }
            if member.answerJoin(response) { restartSession(member, group) }
        }
    }

    /// The log cannot keep that the member has come back.
    private func giveBackPlace(of member: GroupMember, to old: GroupMember, _ error: ErrorCode, _ group: Group) {
        member.answerJoin(.failure(Self.answer(toGroup: error), memberID: ""))
        group.restoreStatic(old, insteadOf: member)
        restartSession(old, group)
    }
}

extension WireUUID {
    /// As most write it: 8-4-4-4-12 digits.
    var hyphenated: String {
        let digits = [high, low].map { part in
            let text = String(part, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        let all = Array(digits.joined())
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(all[$0]) }.joined(separator: "-")
    }
}
