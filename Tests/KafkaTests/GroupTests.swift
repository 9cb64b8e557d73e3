import Glibc
import Kafka
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct GroupTests {
    @Test func theDelegateCommitsBeforePartitionsAreGivenUp() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 2)
        let group = broker.uniqueName("group")
        try await blocking {
            let delegate = RecordingDelegate()
            var refused: KafkaError?
            delegate.onRevoke = { partitions, consumer in
                do throws(KafkaError) {
                    try consumer.commit(
                        Dictionary(uniqueKeysWithValues: partitions.map { ($0, CommittedOffset(offset: 5, metadata: "at revoke")) }))
                } catch {
                    refused = error
                }
            }
            let consumer = try Consumer(broker.settings, group: .patient(group), events: delegate, observer: quiet)
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.count == 2 }
            #expect(try consumer.assignment.count == 2)
            #expect(!consumer.isAssignmentLost)
            #expect(!consumer.memberID.isEmpty)
            #expect(consumer.close(timeout: .seconds(60)))
            #expect(refused == nil)
            #expect(delegate.events == ["assign 2", "revoke 2"])
            #expect(delegate.assigned.isEmpty)

            let admin = try AdminClient(broker.settings, observer: quiet)
            defer { admin.close() }
            let offsets = try admin.groupOffsets(group)
            #expect(offsets.count == 2 && offsets.values.allSatisfy { $0 == CommittedOffset(offset: 5, metadata: "at revoke") })
        }
    }

    @Test func partitionsMoveToASecondMember() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 4)
        let group = GroupSettings(id: broker.uniqueName("group"), maximumPollInterval: .seconds(6))
        try await blocking {
            let first = RecordingDelegate()
            let one = try Consumer(broker.settings, group: group, events: first, observer: quiet)
            defer { one.close() }
            try one.subscribe(to: [topic])
            try one.poll { first.assigned.count == 4 }
            let second = RecordingDelegate()
            let two = try Consumer(broker.settings, group: group, events: second, observer: quiet)
            defer { two.close() }
            try two.subscribe(to: [topic])
            try one.poll(within: .seconds(90)) {
                _ = two.poll(timeout: .milliseconds(20))
                return first.assigned.count == 2 && second.assigned.count == 2
            }
            #expect(first.assigned.isDisjoint(with: second.assigned))
        }
    }

    /// A commit that is sent behind a join is refused, since the group has gone on; it costs the member its generation, and its partitions.
    @Test func noCommitIsSentBehindAJoin() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 4)
        let group = GroupSettings.patient(broker.uniqueName("group"))
        try await blocking {
            let first = RecordingDelegate()
            let one = try Consumer(broker.settings, group: group, events: first, observer: quiet)
            defer { one.close() }
            var (taken, unsent, refusals): (Int, Int, [KafkaError]) = (0, 0, [])
            /// One after the other, as fast as they are answered.
            func commitAgainAndAgain() throws {
                let end = ContinuousClock.now.advanced(by: .milliseconds(100))
                while ContinuousClock.now < end {
                    for (_, error) in one.answeredCommits() { if let error { refusals.append(error) } else { taken += 1 } }
                    guard !one.isCommitting else { continue }
                    let offsets = first.assigned.map { ($0, CommittedOffset(offset: 1)) }
                    let error = kafkaError { () throws(KafkaError) in
                        try one.commitInBackground(Dictionary(uniqueKeysWithValues: offsets))
                    }
                    if let error { if error.isJoining { unsent += 1 } else { refusals.append(error) } }
                }
            }
            try one.subscribe(to: [topic])
            try one.poll { first.assigned.count == 4 }
            for _ in 0..<4 {
                let second = RecordingDelegate()
                let two = try Consumer(broker.settings, group: group, events: second, observer: quiet)
                try two.subscribe(to: [topic])
                try one.poll {
                    try commitAgainAndAgain()
                    _ = two.poll(timeout: .milliseconds(1))
                    return first.assigned.count == 2 && second.assigned.count == 2
                }
                two.close()
                try one.poll {
                    try commitAgainAndAgain()
                    return first.assigned.count == 4
                }
            }
            try one.poll {
                for (_, error) in one.answeredCommits() { if let error { refusals.append(error) } else { taken += 1 } }
                return !one.isCommitting
            }
            #expect(refusals == [] && taken > 0 && unsent > 0, "\(taken), \(unsent)")
            #expect(!first.events.contains { $0.hasPrefix("lose") }, "\(first.events)")
        }
    }

    /// Cooperative-sticky, on librdkafka's imitation: the other partitions stay where they are.
    @Test func onlyTheMovedPartitionsAreRevokedFromACooperativeMember() async throws {
        try await blocking {
            let cluster = try MockCluster()
            defer { cluster.close() }
            try cluster.makeTopic("topic", partitions: 4)
            let group = GroupSettings(id: "group")
            let first = RecordingDelegate()
            let one = try Consumer(cluster.settings, group: group, events: first, observer: quiet)
            defer { one.close() }
            try one.subscribe(to: ["topic"])
            try one.poll { first.assigned.count == 4 }
            let second = RecordingDelegate()
            let two = try Consumer(cluster.settings, group: group, events: second, observer: quiet)
            defer { two.close() }
            try two.subscribe(to: ["topic"])
            try one.poll(within: .seconds(90)) {
                _ = two.poll(timeout: .milliseconds(20))
                return first.assigned.count == 2 && second.assigned.count == 2
            }
            #expect(first.events.filter { $0.hasPrefix("revoke") } == ["revoke 2"])
        }
    }

    @Test func aMemberThatWasNeverAssignedCanBeClosed() async throws {
        try await blocking {
            let cluster = try MockCluster()
            defer { cluster.close() }
            try cluster.makeTopic("topic")
            let group = GroupSettings(id: "group", maximumPollInterval: .seconds(6))
            let delegate = RecordingDelegate()
            let one = try Consumer(cluster.settings, group: group, events: delegate, observer: quiet)
            defer { one.close() }
            try one.subscribe(to: ["topic"])
            try one.poll { delegate.assigned.count == 1 }
            for delay in [0, 50, 500, 2000] {
                let two = try Consumer(cluster.settings, group: group, observer: quiet)
                try two.subscribe(to: ["topic"])
                let end = ContinuousClock.now.advanced(by: .milliseconds(delay))
                while ContinuousClock.now < end { _ = one.poll(timeout: .milliseconds(10)) }
                two.close(timeout: .seconds(2))
            }
        }
    }

    /// Else the others wait for it until its session is over.
    @Test(arguments: [1, 2]) func aMemberWithoutPartitionsLeavesWhenItIsClosed(partitions: Int32) async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: partitions)
        let name = broker.uniqueName("group")
        let group = GroupSettings.patient(name)
        try await blocking {
            let delegate = RecordingDelegate()
            let one = try Consumer(broker.settings, group: group, events: delegate, observer: quiet)
            defer { one.close() }
            try one.subscribe(to: [topic])
            try one.poll { delegate.assigned.count == Int(partitions) }
            let admin = try AdminClient(broker.settings, observer: quiet)
            defer { admin.close() }
            let second = RecordingDelegate()
            let two = try Consumer(broker.settings, group: group, events: second, observer: quiet)
            try two.subscribe(to: [topic])
            try two.poll {
                _ = one.poll(timeout: .milliseconds(5))
                return second.events.count == 1
            }
            #expect(two.close(timeout: .seconds(30)))
            #expect(try admin.describeGroups([name]).first?.members.count == 1)
        }
    }

    /// Offsets are sent to a transaction while partitions are given up; librdkafka may not say any more then who sends them.
    @Test(arguments: [nil, "slot-1"]) func aMemberKnowsItselfWhileItCloses(instance: String?) async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let group = GroupSettings.patient(broker.uniqueName("group"), instanceID: instance)
        try await blocking {
            let delegate = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: group, events: delegate, observer: quiet)
            #expect(try !consumer.groupMetadata().isMember)
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.count == 1 }
            let metadata = try consumer.groupMetadata()
            #expect(metadata.isMember)
            var seen: [GroupMetadata?] = []
            delegate.onRevoke = { _, consumer in seen.append(try? consumer.groupMetadata()) }
            #expect(consumer.close(timeout: .seconds(60)))
            #expect(seen == [metadata])
            // Nobody is asked who is freed.
            #expect(try consumer.groupMetadata() == metadata)
        }
    }

    /// It has its partitions still, since nobody has told it; a transaction's offsets would be taken from it as from anybody.
    @Test func whoIsOutOfItsGroupIsNoMemberBeforeItIsTold() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let group = GroupSettings(id: broker.uniqueName("group"), sessionTimeout: .seconds(6), maximumPollInterval: .seconds(20))
        try await blocking {
            let delegate = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: group, events: delegate, observer: quiet)
            defer { consumer.close() }
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.count == 1 }
            #expect(try consumer.groupMetadata().isMember)
            // It is not polled for so long that it leaves the group by itself.
            let limit = ContinuousClock.now.advanced(by: .seconds(120))
            while try consumer.groupMetadata().isMember, ContinuousClock.now < limit { usleep(50_000) }
            #expect(try !consumer.groupMetadata().isMember)
            #expect(delegate.events == ["assign 1"], "nobody has told it")
        }
    }

    @Test func aStaticMemberTakesItsPartitionsUpAgain() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 2)
        let group = GroupSettings(id: broker.uniqueName("group"), instanceID: "slot-1")
        try await blocking {
            for _ in 0..<2 {
                let delegate = RecordingDelegate()
                let consumer = try Consumer(broker.settings, group: group, events: delegate, observer: quiet)
                try consumer.subscribe(to: [topic])
                try consumer.poll { delegate.assigned.count == 2 }
                consumer.close()
            }
        }
    }

    @Test func theSecondMemberWithTheSameStaticIdFencesTheFirst() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let group = GroupSettings(id: broker.uniqueName("group"), instanceID: "slot-1")
        try await blocking {
            let first = RecordingDelegate()
            let one = try Consumer(broker.settings, group: group, events: first, observer: quiet)
            defer { one.close(timeout: .seconds(2)) }
            try one.subscribe(to: [topic])
            try one.poll { first.assigned.count == 1 }
            let second = RecordingDelegate()
            let two = try Consumer(broker.settings, group: group, events: second, observer: quiet)
            defer { two.close() }
            try two.subscribe(to: [topic])
            try two.poll { second.assigned.count == 1 }
            var fatal: KafkaError?
            let deadline = ContinuousClock.now.advanced(by: .seconds(60))
            while fatal == nil, ContinuousClock.now < deadline {
                if case .error(let error) = one.poll(timeout: .milliseconds(50)), error.isFatal { fatal = error }
                _ = two.poll(timeout: .zero)
            }
            #expect(fatal?.isFenced == true)
        }
    }

    @Test func anAssignmentBeginsUnpausedWhateverItWasBefore() async throws {
        let broker = try await BrokerFixture.shared()
        let (topic, other) = (try await broker.makeTopic(), try await broker.makeTopic())
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait([OutgoingRecord(topic: topic, partition: 0, value: [1])])
            let delegate = RecordingDelegate()
            let consumer = try Consumer(broker.settings, group: .patient(broker.uniqueName("group")), events: delegate, observer: quiet)
            defer { consumer.close() }
            let partition = TopicPartition(topic, 0)
            try consumer.subscribe(to: [topic])
            #expect(try consumer.records(1).map(\.value) == [[1]])
            try consumer.pause([partition])
            try consumer.subscribe(to: [other])
            try consumer.poll { delegate.assigned == [TopicPartition(other, 0)] }
            try consumer.subscribe(to: [topic])
            #expect(try consumer.records(1).map(\.value) == [[1]])
        }
    }

    /// As one whose resumption librdkafka has lost: a seek alone does not help.
    @Test func whatHasStayedPausedIsFetchedAnew() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let partition = TopicPartition(topic, 0)
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait((0..<6).map { OutgoingRecord(topic: topic, value: [UInt8($0)]) })
            let consumer = try Consumer(broker.settings, group: .none(), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([partition: .at(0)])
            #expect(try consumer.records(2).map(\.offset) == [0, 1])
            func stop() throws {
                try consumer.pause([partition])
                try consumer.seek([partition: .at(2)])
                #expect(consumer.poll(timeout: .milliseconds(200)) == nil)
            }
            try stop()
            try consumer.fetchAnew(partition, from: .at(2))
            #expect(try consumer.records(2).map(\.offset) == [2, 3])
            try stop()
            try consumer.fetchAnew(partition, from: nil)
            #expect(try consumer.records(4).map(\.offset) == [2, 3, 4, 5])
        }
    }

    @Test func pauseAndSeek() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic()
        let partition = TopicPartition(topic, 0)
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            _ = try producer.sendAndWait((0..<10).map { OutgoingRecord(topic: topic, value: [UInt8($0)]) })
            let consumer = try Consumer(broker.settings, group: .none(), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([partition: .at(2)])
            #expect(try consumer.records(2).map(\.offset) == [2, 3])
            try consumer.pause([partition])
            #expect(consumer.poll(timeout: .milliseconds(200)) == nil)
            try consumer.resume([partition])
            #expect(try consumer.records(6).map(\.offset) == Array(4...9))
            try consumer.seek([partition: .at(1)])
            #expect(try consumer.records(9).map(\.offset) == Array(1...9))
            try consumer.assign([partition: .last(3)])
            #expect(try consumer.records(3).map(\.offset) == [7, 8, 9])
            #expect(try consumer.watermarks(of: partition) == Watermarks(low: 0, high: 10))
            #expect(consumer.cachedWatermarks(of: partition)?.high == 10)
        }
    }

    @Test func offsetsForTimes() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(configuration: ["retention.ms": "-1"])
        let partition = TopicPartition(topic, 0)
        try await blocking {
            let producer = try Producer(broker.settings, observer: quiet)
            defer { producer.close() }
            let base: Int64 = 1_750_000_000_000
            _ = try producer.sendAndWait(
                (0..<5).map { OutgoingRecord(topic: topic, value: [UInt8($0)], timestampMilliseconds: base + Int64($0) * 1000) })
            let consumer = try Consumer(broker.settings, group: .none(), observer: quiet)
            defer { consumer.close() }
            #expect(try consumer.offsets(forTime: [partition: base + 1500]) == [partition: 2])
            #expect(try consumer.offsets(forTime: [partition: 0]) == [partition: 0])
            let beyond = try consumer.offsets(forTime: [partition: base + 60_000])
            #expect(beyond == [partition: nil])
        }
    }

    @Test func commitAndCommittedCarryMetadata() async throws {
        let broker = try await BrokerFixture.shared()
        let topic = try await broker.makeTopic(partitions: 2)
        try await blocking {
            let delegate = RecordingDelegate()
            let consumer = try Consumer(
                broker.settings, group: .patient(broker.uniqueName("group")), events: delegate, observer: quiet)
            defer { consumer.close() }
            try consumer.subscribe(to: [topic])
            try consumer.poll { delegate.assigned.count == 2 }
            let partition = TopicPartition(topic, 1)
            #expect(try consumer.committed([partition]) == [:])
            try consumer.commit([partition: CommittedOffset(offset: 41, metadata: "3-5,9")])
            #expect(
                try consumer.committed([partition, TopicPartition(topic, 0)]) == [partition: CommittedOffset(offset: 41, metadata: "3-5,9")]
            )
            try consumer.commit([partition: CommittedOffset(offset: 42)])
            #expect(try consumer.committed([partition])[partition] == CommittedOffset(offset: 42))
            try consumer.commit([:])
        }
    }
}
