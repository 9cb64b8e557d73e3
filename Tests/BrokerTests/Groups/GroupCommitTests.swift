import KafkaProtocol
import Testing

@testable import Broker

@Suite struct GroupCommitTests {
    let world = GroupWorld()

    @Test func whoSharesWithNobodyCommitsWithoutAGeneration() {
        #expect(world.commit([0: 5, 1: 7]).value == [ErrorCode.none, ErrorCode.none])
        #expect(world.offset(0) == 5)
        #expect(world.offset(1) == 7)
        #expect(world.offset(2) == -1)
        #expect(world.offset(0, group: "other") == -1)
        #expect(world.group()?.state == .empty)
    }

    @Test func theStateOfTheGroupDecides() throws {
        // Stable.
        let (ids, generation) = try world.stable(2)
        let member = ids[0]
        #expect(world.commit([0: 1], member: member, generation: generation).value == [ErrorCode.none])
        #expect(world.commit([0: 2], member: member, generation: generation + 1).value == [.illegalGeneration])
        #expect(world.commit([0: 2], member: member, generation: -1).value == [.illegalGeneration])
        #expect(world.commit([0: 2], member: "nobody", generation: generation).value == [.unknownMemberID])
        #expect(world.commit([0: 2]).value == [.unknownMemberID])
        // PreparingRebalance: a member of the generation may still say what it has done.
        _ = world.join(member)
        #expect(world.group()?.state == .preparingRebalance)
        #expect(world.commit([0: 3], member: ids[1], generation: generation).value == [ErrorCode.none])
        // CompletingRebalance.
        _ = world.join(ids[1])
        #expect(world.group()?.state == .completingRebalance)
        #expect(world.commit([0: 4], member: member, generation: generation).value == [.illegalGeneration])
        #expect(world.commit([0: 4], member: member, generation: generation + 1).value == [.rebalanceInProgress])
        // Empty.
        _ = world.leave([(ids[0], nil), (ids[1], nil)])
        #expect(world.group()?.state == .empty)
        #expect(world.commit([0: 5], member: member, generation: generation + 1).value == [.unknownMemberID])
        #expect(world.offset() == 3)
        #expect(world.commit([0: 6]).value == [ErrorCode.none])
        #expect(world.offset() == 6)
    }

    @Test func aGroupThatIsNotThereHasNoGeneration() {
        #expect(world.commit([0: 1], member: "m", generation: 1, version: 8).value == [.illegalGeneration])
        #expect(world.commit([0: 1], member: "m", generation: 1, version: 9).value == [.groupIDNotFound])
        #expect(world.group() == nil)
    }

    /// What a consumer reads twice for it is hard to explain afterwards.
    @Test func whoSetsAnOffsetBackIsTold() throws {
        let (ids, generation) = try world.stable(1)
        func commit(_ offset: Int64) { _ = world.commit([0: offset], member: ids[0], generation: generation) }
        commit(7)
        commit(7)
        #expect(world.reports == [])
        commit(5)
        commit(4)
        #expect(world.reports.count == 1)
        #expect(
            world.reports[0].contains(
                "the member \(ids[0]) of group g, generation \(generation) of \(generation), commits 5 of t-0, and 7 was"))
        for _ in 0..<7 {
            world.advance(9_000)
            commit(9)
        }
        _ = world.commitInTransaction([0: 12])
        #expect(world.reports.count == 1)
        _ = world.commitInTransaction([0: 11])
        #expect(world.reports.count == 2)
        #expect(world.reports[1].contains("somebody who is no member of group g, generation -1 of"))
        #expect(world.reports[1].contains("in a transaction of the producer 7, epoch 0, and 12 was committed before in that transaction"))
    }

    /// A tool does so on purpose.
    @Test func whoPutsAGroupBackThatHasNoMembersIsNotTold() {
        for offset in [7, 5] as [Int64] { _ = world.commit([0: offset]) }
        #expect(world.reports == [])
    }

    /// A commit shows that the member is alive.
    @Test func aCommitKeepsTheSession() throws {
        let (ids, generation) = try world.stable(1)
        world.advance(9_000)
        _ = world.commit([0: 1], member: ids[0], generation: generation)
        world.advance(9_000)
        #expect(world.heartbeat(ids[0], generation) == ErrorCode.none)
    }

    @Test func wrongPartitionsDoNotHoldTheOthersUp() {
        #expect(world.commit([0: 1, 9: 1]).value == [ErrorCode.none, .unknownTopicOrPartition])
        #expect(world.commit([0: 1], topic: "missing").value == [.unknownTopicOrPartition])
        world.authorizer.refuse(.read, .topic, "t")
        #expect(world.commit([0: 2]).value == [.topicAuthorizationFailed])
        #expect(world.offset() == 1)
        world.authorizer.refuse(.read, .group, "g")
        #expect(world.commit([0: 2], topic: "u").value == [.groupAuthorizationFailed])
    }

    @Test func aGroupsIDIsLimited() {
        let longest = String(repeating: "g", count: GroupCoordinator.maximumIDBytes)
        #expect(world.commit([0: 1], group: longest).value == [ErrorCode.none])
        #expect(world.commit([0: 1], group: longest + "g").value == [.invalidGroupID])
        #expect(world.join(group: longest + "g").value?.errorCode == ErrorCode.invalidGroupID.rawValue)
        #expect(world.log.entries.count == 1)
    }

    @Test func ofAPartitionThatIsNamedTwiceTheLastCounts() {
        var topic = OffsetCommitRequest.OffsetCommitRequestTopic()
        topic.name = "t"
        topic.partitions = ([5, 7, 6] as [Int64]).map { offset in
            var partition = OffsetCommitRequest.OffsetCommitRequestTopic.OffsetCommitRequestPartition()
            partition.committedOffset = offset
            return partition
        }
        var request = OffsetCommitRequest()
        request.groupId = "g"
        request.topics = [topic]
        let answer = GroupAnswer<OffsetCommitResponse>()
        world.coordinator.commit(request, world.context(9)) { answer($0) }
        #expect(answer.value?.topics.first?.partitions.map(\.errorCode) == [0, 0, 0])
        #expect(world.offset() == 6)
        #expect(world.log.entries.count == 1)
    }

    @Test func metadataIsLimited() {
        #expect(world.commit([0: 1], metadata: String(repeating: "x", count: 4_097)).value == [.offsetMetadataTooLarge])
        #expect(world.group() == nil)
        #expect(world.commit([0: 1], metadata: String(repeating: "x", count: 4_096)).value == [ErrorCode.none])
        #expect(world.commit([1: 1], metadata: nil).value == [ErrorCode.none])
        let partitions = world.fetch([0, 1]).value?.groups.first?.topics.first?.partitions
        #expect(partitions?.map { $0.metadata?.count } == [4_096, 0])
        #expect(partitions?.map { $0.committedLeaderEpoch } == [3, 3])
    }

    @Test(arguments: [
        (ErrorCode.kafkaStorageError, ErrorCode.notCoordinator), (.messageTooLarge, .invalidCommitOffsetSize),
        (.unknownServerError, .unknownServerError),
    ])
    func whatTheLogRefusesIsNotThere(failure: ErrorCode, answer: ErrorCode) {
        world.log.failure = failure
        #expect(world.commit([0: 1]).value == [answer])
        #expect(world.offset() == -1)
        #expect(world.group() == nil)
    }

    /// With the strict policy neither the answer nor another's look at the offset comes before the disk has it.
    @Test func aCommitShowsWhenItIsDurable() {
        world.durability.isImmediate = false
        let commit = world.commit([0: 5])
        let fetch = world.fetch([0])
        #expect(commit.value == nil)
        #expect(fetch.value == nil)
        world.durability.sync()
        #expect(commit.value == [ErrorCode.none])
        #expect(fetch.value?.groups.first?.topics.first?.partitions.first?.committedOffset == 5)
        // An error needs no disk.
        #expect(world.commit([0: 5], topic: "missing").value == [.unknownTopicOrPartition])
    }

    /// Whoever may write one transactional id must not commit into the transaction of another.
    @Test func offsetsAreCommittedUnderTheirTransactionsOwnID() {
        world.coordinator.hooks.isTransactionOngoing = { id, producer, epoch in id == "y" && producer == 7 && epoch == 0 }
        #expect(world.commitInTransaction([0: 5]).value == [.transactionAbortable])
        world.coordinator.hooks.isTransactionOngoing = { id, producer, epoch in id == "x" && producer == 7 && epoch == 0 }
        #expect(world.commitInTransaction([0: 5]).value == [ErrorCode.none])
    }

    @Test(arguments: [1, 7, 9] as [Int16]) func whatTheDiskLosesIsNeitherAcknowledgedNorShown(version: Int16) {
        world.durability.isImmediate = false
        let commit = world.commit([0: 5])
        let fetch = world.fetch([0], version: version)
        world.durability.sync(failing: .consumerOffsets)
        #expect(commit.value == [.notCoordinator])
        let codes = [
            fetch.value?.errorCode, fetch.value?.groups.first?.errorCode, fetch.value?.topics.first?.partitions.first?.errorCode,
        ]
        #expect(codes[version == 1 ? 2 : version == 7 ? 0 : 1] == ErrorCode.notCoordinator.rawValue)
    }

    // MARK: A power cut

    @Test func anOffsetBeyondThePartitionsEndIsPutBack() throws {
        _ = world.commit([0: 10, 1: 4])
        #expect(world.commitInTransaction([2: 9]).value == [ErrorCode.none])
        world.ends = [TopicPartition("t", 0): 5, TopicPartition("t", 1): 5, TopicPartition("t", 2): 5]
        try world.restart()
        #expect((world.offset(0), world.offset(1)) == (5, 4))
        #expect(world.fetch([0, 1]).value?.groups.first?.topics.first?.partitions.map(\.metadata) == ["", "m"])
        try world.coordinator.endTransaction(producerID: 7, epoch: 0, commit: true)
        #expect(world.offset(2) == 5)
        #expect(world.reports.count == 2)
        // What was appended since is read.
        world.ends = [TopicPartition("t", 0): 20, TopicPartition("t", 2): 20]
        try world.restart()
        #expect((world.offset(0), world.offset(2)) == (5, 5))
    }

    // MARK: A topic that is gone

    /// A power cut, or a log that took nothing, can leave them behind: who reads a new topic of the same name would begin at them.
    @Test func offsetsOfATopicThatIsGoneAreRemovedAtTheStart() throws {
        _ = world.commit([0: 5])
        for (group, producer) in [("g", nil), ("g", StateProducer(id: 7, epoch: 0)), ("h", nil)] {
            let key = GroupCoordinator.key(group, TopicPartition("missing", 1))
            try world.log.append([GroupRecord.offset(key, OffsetCommitValue()).stateRecord], producer: producer)
        }
        try world.restart()
        #expect(world.group()?.offsets.keys.map(\.topic) == ["t"] && world.offset() == 5)
        #expect(world.coordinator.pending.transactions.isEmpty)
        #expect(world.group("h") == nil)
        #expect(world.reports.count == 2)
        // Once for all.
        let count = world.log.entries.count
        try world.restart()
        #expect(world.log.entries.count == count && world.reports.count == 2)
    }

    @Test func offsetsOfADeletedTopicAreGoneAlsoWhenTheLogDoesNotTakeIt() throws {
        _ = world.commit([0: 5])
        world.log.failure = .kafkaStorageError
        world.coordinator.topicDeleted("t")
        world.log.failure = nil
        #expect(world.offset() == -1)
        #expect(world.reports.count == 1)
    }

    // MARK: OffsetFetch

    @Test(arguments: Array(1...9) as [Int16])
    func everyVersionOfFetchSaysTheSame(version: Int16) throws {
        _ = world.commit([0: 5])
        let response = try #require(world.fetch([0, 1], version: version).value)
        let offsets =
            version >= 8
            ? response.groups.first?.topics.first?.partitions.map { $0.committedOffset }
            : response.topics.first?.partitions.map { $0.committedOffset }
        #expect(offsets == [5, -1])
        guard version >= 2 else { return }
        let all = try #require(world.fetch(nil, version: version).value)
        let count = version >= 8 ? all.groups.first?.topics.first?.partitions.count : all.topics.first?.partitions.count
        #expect(count == 1)
    }

    @Test func manyGroupsInOneFetch() {
        _ = world.commit([0: 5], group: "a")
        _ = world.commit([0: 6], group: "b")
        var request = OffsetFetchRequest()
        request.groups = ["a", "b", "nowhere"].map { id in
            var group = OffsetFetchRequest.OffsetFetchRequestGroup()
            group.groupId = id
            group.topics = nil
            return group
        }
        let answer = GroupAnswer<OffsetFetchResponse>()
        world.coordinator.fetch(request, world.context(9)) { answer($0) }
        #expect(answer.value?.groups.map { $0.topics.first?.partitions.first?.committedOffset } == [5, 6, nil])
        #expect(answer.value?.groups.map { $0.errorCode } == [0, 0, 0])
    }

    /// Few bytes that ask for the same again and again would make a large answer.
    @Test func whatIsAskedForTwiceIsToldOnce() {
        _ = world.commit([0: 5, 1: 6])
        #expect(world.fetch([0, 1, 0, 0]).value?.groups.first?.topics.first?.partitions.map(\.committedOffset) == [5, 6])
        var request = OffsetFetchRequest()
        request.groups = ["g", "h", "g"].map { id in
            var group = OffsetFetchRequest.OffsetFetchRequestGroup()
            group.groupId = id
            group.topics = nil
            return group
        }
        let answer = GroupAnswer<OffsetFetchResponse>()
        world.coordinator.fetch(request, world.context(9)) { answer($0) }
        #expect(answer.value?.groups.map(\.groupId) == ["g", "h"])
        var description = DescribeGroupsRequest()
        description.groups = ["g", "h", "g"]
        #expect(world.coordinator.describe(description, world.context(6)).groups.map(\.groupId) == ["g", "h"])
    }

    @Test func fetchAsksForRights() throws {
        _ = world.commit([0: 5])
        world.authorizer.refuse(.describe, .topic, "t")
        #expect(
            world.fetch([0]).value?.groups.first?.topics.first?.partitions.first?.errorCode == ErrorCode.topicAuthorizationFailed.rawValue)
        #expect(world.fetch(nil).value?.groups.first?.topics.isEmpty == true)
        world.authorizer.refuse(.describe, .group, "g")
        let code = ErrorCode.groupAuthorizationFailed.rawValue
        #expect(world.fetch([0], version: 9).value?.groups.first?.errorCode == code)
        #expect(world.fetch([0], version: 7).value?.errorCode == code)
        #expect(world.fetch([0], version: 1).value?.topics.first?.partitions.first?.errorCode == code)
    }

    // MARK: FindCoordinator

    @Test(arguments: Array(0...6) as [Int16])
    func thisBrokerCoordinatesAll(version: Int16) throws {
        var request = FindCoordinatorRequest()
        request.key = "g"
        request.keyType = version >= 1 ? 1 : 0
        request.coordinatorKeys = ["g", "h"]
        let response = world.coordinator.find(request, world.context(version))
        if version >= 4 {
            #expect(response.coordinators.map { $0.key } == ["g", "h"])
            #expect(response.coordinators.map { $0.port } == [9092, 9092])
        } else {
            #expect(response.host == "localhost")
            #expect(response.nodeId == 1)
        }
    }

    @Test func coordinatorsAreNotForAll() {
        var request = FindCoordinatorRequest()
        request.key = "g"
        world.authorizer.refuse(.describe, .group, "g")
        world.authorizer.refuse(.describe, .transactionalID, "g")
        #expect(world.coordinator.find(request, world.context(3)).errorCode == ErrorCode.groupAuthorizationFailed.rawValue)
        #expect(world.coordinator.find(request, world.context(3)).nodeId == -1)
        request.keyType = 1
        #expect(world.coordinator.find(request, world.context(3)).errorCode == ErrorCode.transactionalIDAuthorizationFailed.rawValue)
        request.keyType = 2
        request.coordinatorKeys = ["s"]
        #expect(world.coordinator.find(request, world.context(6)).coordinators.first?.errorCode == ErrorCode.invalidRequest.rawValue)
    }
}
