import KafkaProtocol
import Testing

@testable import Broker

@Suite struct GroupJoinTests {
    let world = GroupWorld()

    @Test func theFirstMemberLeads() throws {
        let (id, answer) = try world.joinFirst()
        #expect(answer.value == nil)
        #expect(world.group()?.state == .preparingRebalance)
        world.advance(0)
        let joined = try #require(answer.value)
        #expect(joined.errorCode == 0)
        #expect(joined.generationId == 1)
        #expect(joined.leader == id)
        #expect(joined.memberId == id)
        #expect(joined.protocolType == "consumer")
        #expect(joined.protocolName == "range")
        #expect(joined.members.map { $0.memberId } == [id])
        #expect(!joined.skipAssignment)
        let sync = world.sync(id, 1, assignments: [id: [5]])
        #expect(sync.value?.assignment == [5])
        #expect(sync.value?.protocolName == "range")
        #expect(world.group()?.state == .stable)
        #expect(world.heartbeat(id, 1) == ErrorCode.none)
    }

    @Test func theIdOfAMemberIsTheClientsNameAndAUUID() throws {
        let first = try #require(world.join().value)
        #expect(first.memberId == "c-00000000-0000-0000-0000-000000000001")
    }

    /// Before version 4 a member is let in at once.
    @Test func oldClientsNeedNoSecondRequest() {
        let answer = world.join(version: 3)
        world.advance(0)
        #expect(answer.value?.errorCode == 0)
        #expect(answer.value?.generationId == 1)
    }

    @Test func aSecondMemberMakesTheFirstJoinAgain() throws {
        let (ids, generation) = try world.stable(1)
        let (second, answer) = try world.joinFirst()
        #expect(answer.value == nil)
        #expect(world.heartbeat(ids[0], generation) == .rebalanceInProgress)
        let again = world.join(ids[0])
        #expect(again.value?.generationId == 2)
        #expect(answer.value?.generationId == 2)
        #expect(again.value?.members.map { $0.memberId } == [ids[0], second])
        #expect(answer.value?.members.isEmpty == true)
        #expect(answer.value?.leader == ids[0])
        let follower = world.sync(second, 2)
        #expect(follower.value == nil)
        let leader = world.sync(ids[0], 2, assignments: [ids[0]: [1], second: [2]])
        #expect(leader.value?.assignment == [1])
        #expect(follower.value?.assignment == [2])
    }

    @Test func whoDoesNotJoinAgainInTimeIsOut() throws {
        let (ids, _) = try world.stable(2, session: 60_000)
        _ = world.join(ids[0])
        world.advance(29_999)
        #expect(world.group()?.members.count == 2)
        world.advance(1)
        #expect(world.group()?.members.count == 1)
        #expect(world.group()?.generation == 2)
        #expect(world.heartbeat(ids[1], 1) == .unknownMemberID)
    }

    @Test func aDeadMemberIsTakenOverAfterItsSession() throws {
        let (ids, generation) = try world.stable(2)
        world.advance(6_000)
        #expect(world.heartbeat(ids[0], generation) == ErrorCode.none)
        world.advance(4_000)
        #expect(world.group()?.members.count == 1)
        #expect(world.heartbeat(ids[0], generation) == .rebalanceInProgress)
        let again = world.join(ids[0])
        #expect(again.value?.members.map { $0.memberId } == [ids[0]])
        #expect(world.sync(ids[0], again.value?.generationId ?? 0, assignments: [ids[0]: [9]]).value?.assignment == [9])
    }

    @Test func whenTheLeaderDiesAnotherLeads() throws {
        let (ids, generation) = try world.stable(2)
        world.advance(6_000)
        #expect(world.heartbeat(ids[1], generation) == ErrorCode.none)
        world.advance(4_000)
        let again = world.join(ids[1])
        #expect(again.value?.leader == ids[1])
        #expect(again.value?.members.map { $0.memberId } == [ids[1]])
    }

    /// The leader hangs between joining and sharing: those that wait for it are told to join again.
    @Test func aLeaderThatDoesNotShareIsOut() throws {
        let (ids, _) = try world.stable(2)
        let answers = ids.map { world.join($0) }
        #expect(answers[0].value?.generationId == 2)
        let sync = world.sync(ids[1], 2)
        world.advance(10_000)
        #expect(sync.value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        let again = world.join(ids[1])
        #expect(again.value?.leader == ids[1])
        #expect(again.value?.generationId == 3)
    }

    /// A member that has joined, sends heartbeats, and never asks for its part is out after the rebalance time-out.
    @Test func aMemberThatDoesNotSyncIsOut() throws {
        let (ids, _) = try world.stable(2)
        _ = ids.map { world.join($0) }
        _ = world.sync(ids[0], 2, assignments: [ids[0]: [1], ids[1]: [2]])
        #expect(world.group()?.state == .stable)
        for _ in 0..<6 {
            world.advance(4_999)
            #expect(world.heartbeat(ids[0], 2) == ErrorCode.none)
            #expect(world.heartbeat(ids[1], 2) == ErrorCode.none)
        }
        world.advance(6)
        #expect(world.group()?.members.keys.sorted() == [ids[0]])
        #expect(world.group()?.state == .preparingRebalance)
    }

    @Test func whoLeavesMakesTheOthersShareAnew() throws {
        let (ids, generation) = try world.stable(2)
        #expect(world.leave([(ids[0], nil)]) == [ErrorCode.none])
        #expect(world.heartbeat(ids[1], generation) == .rebalanceInProgress)
        #expect(world.join(ids[1]).value?.leader == ids[1])
        #expect(world.leave([(ids[0], nil), ("nobody", nil)]) == [.unknownMemberID, .unknownMemberID])
    }

    @Test func theLastOneLeavesAnEmptyGroup() throws {
        let (ids, _) = try world.stable(1)
        #expect(world.leave([(ids[0], nil)]) == [ErrorCode.none])
        #expect(world.group()?.state == .empty)
        #expect(world.group()?.generation == 2)
        #expect(world.group()?.protocolName == nil)
    }

    /// Versions before 3 name one member, and answer with its error.
    @Test func oldLeave() throws {
        let (ids, _) = try world.stable(1)
        var request = LeaveGroupRequest()
        request.groupId = "g"
        request.memberId = ids[0]
        #expect(world.coordinator.leave(request, world.context(2)).errorCode == 0)
        #expect(world.coordinator.leave(request, world.context(2)).errorCode == ErrorCode.unknownMemberID.rawValue)
    }

    @Test func aFollowerThatJoinsAgainUnchangedDisturbsNobody() throws {
        let (ids, generation) = try world.stable(2)
        let again = world.join(ids[1])
        #expect(again.value?.generationId == generation)
        #expect(again.value?.members.isEmpty == true)
        #expect(world.sync(ids[1], generation).value?.assignment == [1])
        #expect(world.group()?.state == .stable)
    }

    @Test func aFollowerWithOtherMetadataAndALeaderMakeARebalance() throws {
        let (ids, _) = try world.stable(2)
        let changed = world.join(ids[1], metadata: [7])
        #expect(changed.value == nil)
        #expect(world.join(ids[0]).value?.generationId == 2)
        #expect(changed.value?.generationId == 2)
    }

    @Test func theProtocolThatMostPreferAmongThoseThatAllKnow() throws {
        let (a, first) = try world.joinFirst(protocols: ["x", "y", "z"])
        _ = try world.joinFirst(protocols: ["z", "y"])
        _ = try world.joinFirst(protocols: ["w", "z", "y"])
        world.advance(0)
        #expect(first.value?.memberId == a)
        #expect(first.value?.protocolName == "z")
    }

    @Test func whoSharesNoProtocolIsRefused() throws {
        let (ids, generation) = try world.stable(1)
        #expect(world.join(protocols: ["other"]).value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.join(type: "connect").value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.join(group: "new", type: "").value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.join(group: "new", protocols: []).value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.group("new") == nil)
        #expect(world.sync(ids[0], generation, type: "connect").value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.sync(ids[0], generation, protocol: "x").value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.sync(ids[0], generation, protocol: nil).value?.errorCode == ErrorCode.inconsistentGroupProtocol.rawValue)
        #expect(world.sync(ids[0], generation, type: nil, protocol: nil, version: 4).value?.errorCode == 0)
    }

    @Test func wrongRequestsGetTheirErrors() throws {
        let (ids, generation) = try world.stable(1)
        #expect(world.join(session: 5_999).value?.errorCode == ErrorCode.invalidSessionTimeout.rawValue)
        #expect(world.join(session: 1_800_001).value?.errorCode == ErrorCode.invalidSessionTimeout.rawValue)
        #expect(world.join(group: "").value?.errorCode == ErrorCode.invalidGroupID.rawValue)
        #expect(world.join("nobody").value?.errorCode == ErrorCode.unknownMemberID.rawValue)
        #expect(world.join("nobody", group: "nowhere").value?.errorCode == ErrorCode.unknownMemberID.rawValue)
        #expect(world.sync("nobody", generation).value?.errorCode == ErrorCode.unknownMemberID.rawValue)
        #expect(world.sync(ids[0], generation + 1).value?.errorCode == ErrorCode.illegalGeneration.rawValue)
        #expect(world.sync(ids[0], generation, group: "nowhere").value?.errorCode == ErrorCode.unknownMemberID.rawValue)
        #expect(world.heartbeat(ids[0], generation + 1) == .illegalGeneration)
        #expect(world.heartbeat("nobody", generation) == .unknownMemberID)
        #expect(world.heartbeat(ids[0], generation, group: "nowhere") == .unknownMemberID)
        #expect(world.heartbeat(ids[0], generation, group: "") == .invalidGroupID)
    }

    @Test func whoMayNotReadTheGroupIsRefused() throws {
        world.authorizer.refuse(.read, .group, "g")
        #expect(world.join().value?.errorCode == ErrorCode.groupAuthorizationFailed.rawValue)
        #expect(world.sync("m", 1).value?.errorCode == ErrorCode.groupAuthorizationFailed.rawValue)
        #expect(world.heartbeat("m", 1) == .groupAuthorizationFailed)
        #expect(world.group() == nil)
    }

    /// A member that waits for the others is asked to wait anew when it comes by another way, and the old request is not left without an answer.
    @Test func aSecondJoinOfTheSameMemberTakesTheFirstOnesPlace() throws {
        let (ids, _) = try world.stable(2)
        let first = world.join(ids[0])
        let second = world.join(ids[0])
        #expect(first.value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        #expect(second.value == nil)
        _ = world.join(ids[1])
        #expect(second.value?.generationId == 2)
    }

    @Test func aJoinInTheMidstOfSharingMakesTheWaitingJoinAgain() throws {
        let (ids, _) = try world.stable(2)
        _ = ids.map { world.join($0) }
        let waiting = world.sync(ids[1], 2)
        let (_, third) = try world.joinFirst()
        #expect(waiting.value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        #expect(world.sync(ids[0], 2).value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        _ = ids.map { world.join($0) }
        #expect(third.value?.generationId == 3)
    }

    /// It has missed the answer: it gets it again, the leader with all members.
    @Test func aJoinAgainWhileTheWorkIsSharedGetsTheSameAnswer() throws {
        let (ids, _) = try world.stable(2)
        _ = ids.map { world.join($0) }
        let again = world.join(ids[0])
        #expect(again.value?.generationId == 2)
        #expect(again.value?.members.count == 2)
        #expect(world.group()?.state == .completingRebalance)
    }

    @Test func anIdThatIsNotUsedIsForgotten() throws {
        let first = try #require(world.join().value)
        #expect(world.group()?.pendingMembers.count == 1)
        world.advance(10_000)
        #expect(world.group() == nil)
        #expect(world.join(first.memberId).value?.errorCode == ErrorCode.unknownMemberID.rawValue)
    }

    /// Who has an id and has not come back with it is waited for.
    @Test func aRebalanceWaitsForPendingMembers() throws {
        let (ids, _) = try world.stable(1)
        let pending = try #require(world.join().value).memberId
        let again = world.join(ids[0])
        #expect(again.value == nil)
        let second = world.join(pending)
        #expect(again.value?.generationId == 2)
        #expect(second.value?.generationId == 2)
        let third = try #require(world.join().value).memberId
        let leader = world.join(ids[0], metadata: [1])
        _ = world.join(pending)
        #expect(leader.value == nil)
        #expect(world.leave([(third, nil)]) == [ErrorCode.none])
        #expect(leader.value?.generationId == 3)
    }

    @Test func theInitialDelayGathersMembers() throws {
        var settings = GroupSettings()
        settings.initialRebalanceDelayMs = 3_000
        let world = GroupWorld(settings)
        let (_, first) = try world.joinFirst()
        world.advance(2_000)
        let (_, second) = try world.joinFirst()
        world.advance(1_000)
        #expect(first.value == nil)
        world.advance(3_000)
        #expect(first.value?.members.count == 2)
        #expect(second.value?.generationId == 1)
    }

    @Test func theSizeOfAGroupIsLimited() throws {
        var settings = GroupSettings()
        settings.maximumMembers = 2
        let world = GroupWorld(settings)
        let (ids, _) = try world.stable(2)
        #expect(world.join().value?.errorCode == ErrorCode.groupMaxSizeReached.rawValue)
        // Members that come back go first; the last one to come finds no room.
        #expect(world.join(ids[0]).value == nil)
        let third = try #require(world.join().value).memberId
        #expect(world.join(third).value == nil)
        #expect(world.join(ids[1]).value?.errorCode == ErrorCode.groupMaxSizeReached.rawValue)
        #expect(world.group()?.members.count == 2)
        #expect(world.group()?.state == .completingRebalance)
    }

    @Test func groupsAndWhatMembersSayAreLimited() throws {
        var settings = GroupSettings()
        settings.maximumGroups = 1
        settings.maximumMemberBytes = 1_000
        settings.maximumMetadataBytes = 1_800
        settings.maximumPendingMembers = 3
        let world = GroupWorld(settings)
        #expect(world.join(metadata: Array(repeating: 0, count: 996)).value?.errorCode == ErrorCode.messageTooLarge.rawValue)
        let (id, _) = try world.joinFirst(metadata: Array(repeating: 0, count: 900))
        #expect(world.join(group: "second").value?.errorCode == ErrorCode.policyViolation.rawValue)
        _ = try world.joinFirst(metadata: Array(repeating: 0, count: 100))
        #expect(world.join(metadata: Array(repeating: 0, count: 900)).value?.errorCode == ErrorCode.messageTooLarge.rawValue)
        let before = world.coordinator.usage.bytes
        _ = world.leave([(id, nil)])
        #expect(world.coordinator.usage.bytes < before)
        for _ in 0..<3 { #expect(world.join(metadata: []).value?.errorCode == ErrorCode.memberIDRequired.rawValue) }
        #expect(world.join(metadata: []).value?.errorCode == ErrorCode.groupMaxSizeReached.rawValue)
    }

    /// Whoever asks for ids in many groups and never comes back with one.
    @Test func idsThatAreNotUsedAreLimitedOverAllGroups() throws {
        var settings = GroupSettings()
        settings.maximumMetadataBytes = 2_000
        let world = GroupWorld(settings)
        let codes = (0..<10).map { world.join(group: "g\($0)").value?.errorCode }
        let given = codes.count { $0 == ErrorCode.memberIDRequired.rawValue }
        #expect((3...6).contains(given))
        #expect(codes.dropFirst(given).allSatisfy { $0 == ErrorCode.groupMaxSizeReached.rawValue })
        world.advance(10_000)
        #expect(world.coordinator.usage.bytes == 0)
        #expect(world.join(group: "g0").value?.errorCode == ErrorCode.memberIDRequired.rawValue)
    }

    /// A cooperative rebalance in two steps: what a member gives up is given to the new one only in the second generation.
    @Test func cooperativeMembersShareInTwoSteps() throws {
        let (ids, generation) = try world.stable(1)
        let (second, answer) = try world.joinFirst()
        #expect(world.heartbeat(ids[0], generation) == .rebalanceInProgress)
        // It keeps its partitions and goes on, so it may commit.
        #expect(world.commit([0: 5], member: ids[0], generation: generation).value == [ErrorCode.none])
        let again = world.join(ids[0], metadata: [1, 1])
        #expect(answer.value?.generationId == 2)
        _ = again
        let waiting = world.sync(second, 2)
        #expect(world.sync(ids[0], 2, assignments: [ids[0]: [1], second: []]).value?.assignment == [1])
        #expect(waiting.value?.assignment == [])
        // It has given some up: it joins again, and the new member follows.
        let third = world.join(ids[0], metadata: [1])
        #expect(world.heartbeat(second, 2) == .rebalanceInProgress)
        let followed = world.join(second, metadata: [2])
        #expect(third.value?.generationId == 3)
        #expect(followed.value?.generationId == 3)
        _ = world.sync(ids[0], 3, assignments: [ids[0]: [1], second: [2]])
        #expect(world.sync(second, 3).value?.assignment == [2])
    }

    @Test func whenTheLogFailsTheShareIsNotGivenOut() throws {
        let (id, _) = try world.joinFirst()
        world.advance(0)
        world.log.failure = .kafkaStorageError
        #expect(world.sync(id, 1, assignments: [id: [1]]).value?.errorCode == ErrorCode.notCoordinator.rawValue)
        #expect(world.group()?.state == .preparingRebalance)
        world.log.failure = nil
        #expect(world.join(id).value?.generationId == 2)
        #expect(world.sync(id, 2, assignments: [id: [1]]).value?.assignment == [1])
    }

    @Test func aShareThatTheDiskLosesIsNotGivenOut() throws {
        let (id, _) = try world.joinFirst()
        world.advance(0)
        world.durability.isImmediate = false
        let sync = world.sync(id, 1, assignments: [id: [1]])
        world.durability.sync(failing: .consumerOffsets)
        #expect(sync.value?.errorCode == ErrorCode.notCoordinator.rawValue)
        #expect(world.group()?.state == .preparingRebalance)
    }

    @Test func aStaticMemberWhoseReturnTheDiskLosesIsWhoItWas() throws {
        let first = world.join(instance: "i")
        world.advance(0)
        let id = try #require(first.value).memberId
        #expect(world.sync(id, 1, instance: "i", assignments: [id: [1]]).value?.assignment == [1])
        world.durability.isImmediate = false
        let again = world.join(instance: "i")
        #expect(again.value == nil)
        world.durability.sync(failing: .consumerOffsets)
        #expect(again.value?.errorCode == ErrorCode.notCoordinator.rawValue)
        #expect(world.group()?.staticMembers["i"] == id)
        #expect(world.heartbeat(id, 1, instance: "i") == ErrorCode.none)
    }

    /// Somebody who was given an id and does not come back with it is waited for no longer than members are there.
    @Test func aGroupThatAllHaveLeftWhileItWaitsTakesNewMembers() throws {
        let (ids, _) = try world.stable(1)
        #expect(world.join().value?.errorCode == ErrorCode.memberIDRequired.rawValue)
        _ = world.join(ids[0])
        #expect(world.group()?.state == .preparingRebalance)
        #expect(world.leave([(ids[0], nil)]) == [ErrorCode.none])
        #expect(world.group()?.state == .empty)
        let (_, answer) = try world.joinFirst(protocols: ["other"])
        world.advance(0)
        #expect(answer.value?.errorCode == 0)
    }

    /// With the strict policy the share is given out when it is on the disk, and not at all when the group has gone on meanwhile.
    @Test func theShareWaitsForTheDisk() throws {
        let (id, _) = try world.joinFirst()
        world.advance(0)
        world.durability.isImmediate = false
        let sync = world.sync(id, 1, assignments: [id: [1]])
        #expect(sync.value == nil)
        world.durability.sync()
        #expect(sync.value?.assignment == [1])
        let again = world.join(id)
        let second = world.sync(id, again.value?.generationId ?? 0, assignments: [id: [2]])
        _ = try world.joinFirst()
        #expect(second.value?.errorCode == ErrorCode.rebalanceInProgress.rawValue)
        world.durability.sync()
        #expect(world.group()?.state == .preparingRebalance)
    }
}
