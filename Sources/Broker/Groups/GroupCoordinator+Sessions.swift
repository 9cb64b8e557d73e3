import KafkaProtocol

/// Heartbeat and LeaveGroup: who is still there.
extension GroupCoordinator {
    func restartSession(_ member: GroupMember, _ group: Group, after milliseconds: Int64? = nil) {
        member.session.set(after: milliseconds ?? Int64(member.sessionTimeoutMs)) { [unowned self, unowned group, unowned member] in
            // Who waits for an answer of ours cannot send heartbeats; with the answer the session starts anew.
            if !member.isNew, member.isWaitingForJoin || member.isWaitingForSync { return }
            group.remove(member.id)
            afterLeaving(group)
        }
    }

    /// Who waits for an answer and ends its connection waits no more. Kafka goes on counting on it: the group may wait for one session and then for another, where one
    /// that is gone was to lead.
    func watch(_ connection: Session, _ member: GroupMember, _ group: Group) {
        connection.whenEnded = { [weak self, weak group, weak member] in
            guard let self, let group, let member, group.members[member.id] === member else { return }
            stopWaiting(member, group)
        }
    }

    /// Who has never been in a generation has nothing to lose, and is out. Others have as long as their session lasts to come back.
    private func stopWaiting(_ member: GroupMember, _ group: Group) {
        if member.isNew {
            group.remove(member.id)
            afterLeaving(group)
            return dropIfUnused(group)
        }
        member.answerJoin(.failure(.rebalanceInProgress, memberID: member.id))
        member.answerSync(.failure(.rebalanceInProgress))
        restartSession(member, group)
    }

    func expirePending(_ memberID: String, _ group: Group) {
        group.remove(memberID)
        maybeCompleteJoin(group)
        dropIfUnused(group)
    }

    /// What is to be done when members are gone.
    func afterLeaving(_ group: Group) {
        switch group.state {
        case .stable, .completingRebalance: rebalance(group)
        case .preparingRebalance: maybeCompleteJoin(group)
        case .empty, .dead: break
        }
    }

    func heartbeat(_ request: HeartbeatRequest, _ context: RequestContext) -> HeartbeatResponse {
        var response = HeartbeatResponse()
        do throws(ErrorCode) {
            guard authorizer.allows(.read, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
            guard !request.groupId.isEmpty else { throw .invalidGroupID }
            guard let group = groups[request.groupId] else { throw .unknownMemberID }
            try group.check(request.memberId, request.groupInstanceId)
            guard let member = group.members[request.memberId] else { throw .unknownMemberID }
            guard request.generationId == group.generation else { throw .illegalGeneration }
            if group.state == .empty || group.state == .dead { throw .unknownMemberID }
            restartSession(member, group)
            if group.state == .preparingRebalance { throw .rebalanceInProgress }
        } catch {
            response.errorCode = error.rawValue
        }
        return response
    }

    func leave(_ request: LeaveGroupRequest, _ context: RequestContext) -> LeaveGroupResponse {
        var response = LeaveGroupResponse()
        do throws(ErrorCode) {
            guard authorizer.allows(.read, .group, request.groupId, context) else { throw .groupAuthorizationFailed }
            guard !request.groupId.isEmpty else { throw .invalidGroupID }
            var leaving = request.members
            if context.version < 3 {
                leaving = [LeaveGroupRequest.MemberIdentity()]
                leaving[0].memberId = request.memberId
            }
            let group = groups[request.groupId]
            var hasLost = false
            for identity in leaving {
                var left = LeaveGroupResponse.MemberResponse()
                left.memberId = identity.memberId
                left.groupInstanceId = identity.groupInstanceId
                do throws(ErrorCode) {
                    if try remove(identity, group) { hasLost = true }
                } catch {
                    left.errorCode = error.rawValue
                }
                response.members.append(left)
            }
            if context.version < 3 { response.errorCode = response.members[0].errorCode }
            guard let group else { return response }
            if hasLost { afterLeaving(group) } else { maybeCompleteJoin(group) }
            dropIfUnused(group)
        } catch {
            response.errorCode = error.rawValue
        }
        return response
    }

    /// Returns whether it was a member, and not only pending. An administrator names a static member by its instance alone.
    private func remove(_ identity: LeaveGroupRequest.MemberIdentity, _ group: Group?) throws(ErrorCode) -> Bool {
        guard let group else { throw .unknownMemberID }
        if identity.memberId.isEmpty {
            guard let current = identity.groupInstanceId.flatMap({ group.staticMembers[$0] }) else { throw .unknownMemberID }
            group.remove(current)
            return true
        }
        let isPending = group.pendingMembers[identity.memberId] != nil
        if !isPending { try group.check(identity.memberId, identity.groupInstanceId) }
        group.remove(identity.memberId)
        return !isPending
    }
}
