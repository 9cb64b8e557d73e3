import KafkaProtocol

/// From one generation to the next, and the sessions of members.
extension GroupCoordinator {
    // MARK: Joining

    /// Begins a rebalance, or ends the joining of one that goes on when all are there.
    func rebalance(_ group: Group) {
        guard group.canRebalance else { return maybeCompleteJoin(group) }
        // Who waits for its part has to join again.
        if group.state == .completingRebalance { resetAssignments(group, .rebalanceInProgress) }
        group.syncDeadline.cancel()
        let isFirst = group.state == .empty
        group.enter(.preparingRebalance)
        if isFirst { return waitForFirstMembers(group, remaining: group.rebalanceTimeoutMs) }
        if group.hasAllJoined { return completeJoin(group) }
        group.joinDeadline.set(after: group.rebalanceTimeoutMs) { [unowned self, unowned group] in completeJoin(group) }
    }

    /// More members often follow the first one: each that comes prolongs the wait, up to the rebalance time-out.
    private func waitForFirstMembers(_ group: Group, remaining: Int64) {
        let delay = min(Int64(settings.initialRebalanceDelayMs), remaining)
        group.joinDeadline.set(after: delay) { [unowned self, unowned group] in
            let rest = remaining - delay
            guard group.hasNewMember, delay > 0, rest > 0 else { return completeJoin(group) }
            group.hasNewMember = false
            waitForFirstMembers(group, remaining: rest)
        }
    }

    /// Ends the joining when all are there, or nobody is left. The first members of an empty group are waited for in any case.
    func maybeCompleteJoin(_ group: Group) {
        guard group.state == .preparingRebalance else { return }
        if group.members.isEmpty || group.previousState != .empty && group.hasAllJoined { completeJoin(group) }
    }

    private func completeJoin(_ group: Group) {
        guard group.state == .preparingRebalance else { return }
        group.joinDeadline.cancel()
        // Static members keep their place until their session ends.
        for member in group.ordered where !member.isWaitingForJoin && !member.isStatic { group.remove(member.id) }
        if !group.members.isEmpty, !group.electJoinedLeader() {
            // Only static members are left, and none has come: their sessions will end, or somebody comes.
            group.joinDeadline.set(after: max(1, group.rebalanceTimeoutMs)) { [unowned self, unowned group] in completeJoin(group) }
            return
        }
        group.startGeneration()
        if group.members.isEmpty { return recordEmpty(group) }
        for member in group.ordered {
            group.pendingSync.insert(member.id)
            member.isNew = false
            member.answerJoin(currentGeneration(member, group))
            restartSession(member, group)
        }
        let generation = group.generation
        group.syncDeadline.set(after: group.rebalanceTimeoutMs) { [unowned self, unowned group] in expireSync(generation, group) }
    }

    private func recordEmpty(_ group: Group) {
        do throws(ErrorCode) {
            try record(group, assignments: [:])
        } catch {
            // After a restart its last members would be waited for once more; nothing is lost.
            hooks.report("cannot record that group \(group.id) is empty: \(error)")
        }
    }

    // MARK: Sharing

    /// Those that have not asked for their part in time are out.
    private func expireSync(_ generation: Int32, _ group: Group) {
        guard group.generation == generation, group.state == .completingRebalance || group.state == .stable else { return }
        guard !group.pendingSync.isEmpty else { return }
        for memberID in group.pendingSync.sorted() { group.remove(memberID) }
        rebalance(group)
    }

    func sync(_ request: SyncGroupRequest, _ context: RequestContext, _ reply: @escaping (SyncGroupResponse) -> Void) {
        giveOrAwaitShare(request, context, reply)
        if context.session.hasEnded { context.session.end() }
    }

    private func giveOrAwaitShare(
        _ request: SyncGroupRequest, _ context: RequestContext, _ reply: @escaping (SyncGroupResponse) -> Void
    ) {
        do throws(ErrorCode) {
            guard authorizer.allows(.read, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
            guard !request.groupId.isEmpty else { throw .invalidGroupID }
            if context.version >= 5, request.protocolType == nil || request.protocolName == nil { throw .inconsistentGroupProtocol }
            guard let group = groups[request.groupId] else { throw .unknownMemberID }
            try group.check(request.memberId, request.groupInstanceId)
            guard let member = group.members[request.memberId] else { throw .unknownMemberID }
            guard request.generationId == group.generation else { throw .illegalGeneration }
            if let type = request.protocolType, type != group.protocolType { throw .inconsistentGroupProtocol }
            if let name = request.protocolName, name != group.protocolName { throw .inconsistentGroupProtocol }
            switch group.state {
            case .empty, .dead: throw .unknownMemberID
            case .preparingRebalance: throw .rebalanceInProgress
            case .completingRebalance:
                member.waitForSync(reply)
                watch(context.session, member, group)
                hasSynced(member, group)
                if group.leader == member.id { share(request, group) }
            case .stable:
                hasSynced(member, group)
                reply(assignment(of: member, group))
            }
        } catch {
            reply(.failure(error))
        }
    }

    private func hasSynced(_ member: GroupMember, _ group: Group) {
        group.pendingSync.remove(member.id)
        if group.pendingSync.isEmpty { group.syncDeadline.cancel() }
    }

    /// The leader has said who does what: when that is safe, all are told.
    private func share(_ request: SyncGroupRequest, _ group: Group) {
        var assignments: [String: [UInt8]] = [:]
        for item in request.assignments where group.members[item.memberId] != nil { assignments[item.memberId] = item.assignment }
        do throws(ErrorCode) {
            let bytes = assignments.values.reduce(0) { $0 + $1.count }
            guard usage.bytes + bytes <= settings.maximumMetadataBytes else { throw .messageTooLarge }
            try record(group, assignments: assignments)
        } catch {
            return shareAgain(group, after: error)
        }
        durability.whenDurable([.consumerOffsets]) { [unowned self] isDurable in
            // Another rebalance may have begun meanwhile; then all were told to join again.
            guard group.state == .completingRebalance, group.generation == request.generationId else { return }
            guard isDurable else { return shareAgain(group, after: .kafkaStorageError) }
            for member in group.members.values { group.assign(assignments[member.id] ?? [], to: member) }
            group.enter(.stable)
            for member in group.ordered where member.answerSync(assignment(of: member, group)) { restartSession(member, group) }
        }
    }

    /// The log cannot keep who does what.
    private func shareAgain(_ group: Group, after error: ErrorCode) {
        resetAssignments(group, Self.answer(toGroup: error))
        rebalance(group)
    }

    private func assignment(of member: GroupMember, _ group: Group) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.protocolType = group.protocolType
        response.protocolName = group.protocolName
        response.assignment = member.assignment
        return response
    }

    private func resetAssignments(_ group: Group, _ error: ErrorCode) {
        for member in group.ordered {
            group.assign([], to: member)
            if member.answerSync(.failure(error)) { restartSession(member, group) }
        }
    }
}
