import MeshTesting
import Synchronization
import Testing

@testable import Kafka

/// A consumer against an imitation of a cluster that fails where it is told to: nothing is lost or repeated on the way, and a refused commit
/// says why.
///
/// Left out: offsets that are out of range (beginning again is what the group asked for), and brokers that go and come (see
/// `MockCluster.setRoundTrip`).
@Suite(.timeLimit(.minutes(10))) struct ConsumerFaultTests {
    private static let partition = TopicPartition("topic", 0)
    /// A session that outlives the search for another coordinator.
    private static let long: Duration = .seconds(45)

    private static func fill(_ cluster: MockCluster, from first: Int = 0, _ count: Int) throws {
        let producer = try Producer(cluster.settings, observer: quiet)
        defer { producer.close() }
        _ = try producer.sendAndWait(
            (first..<(first + count)).map { OutgoingRecord(topic: "topic", partition: 0, value: Array("\($0)".utf8)) })
    }

    private static func check(_ records: [Record], _ count: Int) {
        #expect(records.map(\.offset) == (0..<Int64(count)).map { $0 })
        #expect(records.map(\.value) == (0..<count).map { Array("\($0)".utf8) })
    }

    private static func member(
        _ cluster: MockCluster, _ delegate: RecordingDelegate, session: Duration = .seconds(18)
    ) throws -> Consumer {
        let group = GroupSettings(id: "group", sessionTimeout: session)
        let consumer = try Consumer(cluster.settings, group: group, events: delegate, observer: quiet)
        try consumer.subscribe(to: ["topic"])
        try consumer.poll { delegate.assigned.count == 1 }
        return consumer
    }

    /// Commits as soon as the coordinator takes it; never without owning the partition: that would make the member join anew each time.
    private static func commit(_ offset: Int64, _ consumer: Consumer, _ delegate: RecordingDelegate) throws {
        try consumer.poll {
            guard delegate.assigned.contains(partition) else { return false }
            return kafkaError { () throws(KafkaError) in try consumer.commit([partition: CommittedOffset(offset: offset)]) } == nil
        }
    }

    /// A commit that is sent meanwhile would be refused, and cost the member its partitions.
    @Test func aMemberKnowsThatItIsJoining() async throws {
        try await withMock(brokers: 1) { cluster in
            try cluster.setRoundTrip(ofBroker: 1, to: .seconds(2))
            let delegate = RecordingDelegate()
            let consumer = try Consumer(cluster.settings, group: GroupSettings(id: "group"), events: delegate, observer: quiet)
            defer { consumer.close() }
            let watch = consumer.handle.context.joinWatch
            #expect(!watch.isJoining)
            try consumer.subscribe(to: ["topic"])
            try consumer.poll { watch.isJoining }
            #expect(delegate.assigned.isEmpty)
            try consumer.poll { !watch.isJoining && !delegate.assigned.isEmpty }
        }
    }

    /// That the join is followed in librdkafka's log changes nothing for who reads that.
    @Test func ofTheLogOnlyWhatIsAskedForIsTold() async throws {
        try await withMock(brokers: 1) { cluster in
            func lines(_ properties: [String: String]) throws -> [ClientObserver.LogLine] {
                var settings = cluster.settings
                for (name, value) in properties { settings[name] = value }
                let lines = Lines()
                let delegate = RecordingDelegate()
                let observer = ClientObserver(log: { line in lines.all.withLock { $0.append(line) } })
                let consumer = try Consumer(settings, group: GroupSettings(id: "log"), events: delegate, observer: observer)
                defer { consumer.close() }
                try consumer.subscribe(to: ["topic"])
                try consumer.poll { !delegate.assigned.isEmpty }
                return lines.all.withLock { $0 }
            }
            for properties in [[:], ["log_level": "7"], ["log.queue": "true"]] {
                let told = try lines(properties)
                #expect(told.filter { $0.level > 6 } == [], "\(properties)")
            }
            let asked = try lines(["debug": "broker", "log_level": "3"])
            #expect(asked.contains { $0.level == 7 && $0.facility == "BRKMAIN" }, "\(Set(asked.map(\.facility)))")
        }
    }

    private final class Lines: Sendable { let all = Mutex<[ClientObserver.LogLine]>([]) }

    /// It may come to the broker yet: whoever committed again meanwhile could be overtaken by it.
    @Test func aCommitThatIsNotAnsweredInTimeIsUnderWayStill() async throws {
        try await withMock(brokers: 1) { cluster in
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            try cluster.setRoundTrip(ofBroker: 1, to: .seconds(6))
            let offset = [Self.partition: CommittedOffset(offset: 7)]
            let late = kafkaError { () throws(KafkaError) in try consumer.commit(offset, timeout: .milliseconds(50)) }
            #expect(late?.isTimeout == true)
            #expect(consumer.isCommitting)
            // One that is waited for does not take the answer of another for its own.
            try consumer.commit([Self.partition: CommittedOffset(offset: 8)], timeout: .seconds(60))
            #expect(consumer.isCommitting, "the first one's answer was not taken")
            let answers = consumer.answeredCommits()
            #expect(answers.map(\.offsets) == [offset] && answers.first?.error == nil)
            #expect(!consumer.isCommitting && consumer.answeredCommits().isEmpty)
        }
    }

    /// Two commits that are under way can come to the broker in the wrong order: whoever has one asks before the next.
    @Test func aCommitInTheBackgroundIsUnderWayUntilItsAnswerIsTaken() async throws {
        try await withMock { cluster in
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            func commit(_ offset: Int64) throws -> KafkaError? {
                let offsets = [Self.partition: CommittedOffset(offset: offset)]
                #expect(!consumer.isCommitting && consumer.answeredCommits().isEmpty)
                try consumer.commitInBackground(offsets)
                #expect(consumer.isCommitting && consumer.answeredCommits().isEmpty && consumer.isCommitting)
                var answers: [(offsets: [TopicPartition: CommittedOffset], error: KafkaError?)] = []
                try consumer.poll {
                    answers += consumer.answeredCommits()
                    // One that is not answered is under way.
                    return consumer.isCommitting == answers.isEmpty && !answers.isEmpty
                }
                #expect(answers.map(\.offsets) == [offsets] && !consumer.isCommitting)
                return answers.first?.error
            }
            try cluster.setRoundTrip(ofBroker: 1, to: .seconds(1))
            #expect(try commit(1) == nil)
            try cluster.fail(.offsetCommit, atBroker: 1, with: [Fault.illegalGeneration])
            #expect(try commit(2)?.isStaleMember == true)
        }
    }

    @Test func aLeaderThatMovesWhileItIsReadLosesAndRepeatsNothing() async throws {
        try await withMock(brokers: 3) { cluster in
            let consumer = try Consumer(cluster.settings, group: .none(), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([Self.partition: .beginning])
            var records: [Record] = []
            for step in 0..<6 {
                try Self.fill(cluster, from: step * 50, 50)
                // Once with records that are there and not read yet, once with a partition that is read to its end.
                if step % 2 == 0 { records += try consumer.records(50 * (step + 1) - records.count - 20) }
                try cluster.setLeader(of: Self.partition, to: Int32(step % 3) + 1)
                if step % 2 == 1 { records += try consumer.records(50 * (step + 1) - records.count) }
            }
            Self.check(records, 300)
            #expect(consumer.poll(timeout: .milliseconds(600)) == nil)
        }
    }

    @Test(arguments: [Fault.notLeader, Fault.requestTimedOut, Fault.disconnect])
    func fetchesThatFailLoseAndRepeatNothing(code: Int32) async throws {
        try await withMock { cluster in
            try Self.fill(cluster, 100)
            try cluster.fail(.fetch, atBroker: 1, with: [code, 0, code])
            let consumer = try Consumer(cluster.settings, group: .none(), observer: quiet)
            defer { consumer.close() }
            try consumer.assign([Self.partition: .beginning])
            var records = try consumer.records(100)
            try Self.fill(cluster, from: 100, 100)
            records += try consumer.records(100)
            Self.check(records, 200)
            #expect(try cluster.openFailures(.fetch, atBroker: 1) == 0)
        }
    }

    /// A coordinator that is looked for, moves, or knows nothing of the member yet: it joins all the same, and reads all.
    @Test(arguments: [
        (MockCluster.Request.findCoordinator, Fault.coordinatorNotAvailable), (.joinGroup, Fault.coordinatorLoading),
        (.joinGroup, Fault.notCoordinator), (.joinGroup, Fault.unknownMember), (.joinGroup, Fault.disconnect),
    ])
    func aJoinThatFailsIsTriedAgain(_ request: MockCluster.Request, code: Int32) async throws {
        try await withMock { cluster in
            try Self.fill(cluster, 100)
            try cluster.fail(request, atBroker: 1, with: [code, code])
            let consumer = try Self.member(cluster, RecordingDelegate(), session: Self.long)
            defer { consumer.close() }
            #expect(try cluster.openFailures(request, atBroker: 1) == 0)
            Self.check(try consumer.records(100), 100)
        }
    }

    @Test func slowAnswersLoseAndRepeatNothing() async throws {
        try await withMock { cluster in
            try Self.fill(cluster, 100)
            try cluster.setRoundTrip(ofBroker: 1, to: .milliseconds(700))
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            let records = try consumer.records(100)
            Self.check(records, 100)
            try consumer.commit([Self.partition: CommittedOffset(offset: 100)])
            try cluster.setRoundTrip(ofBroker: 1, to: .zero)
            #expect(try consumer.committed([Self.partition])[Self.partition]?.offset == 100)
        }
    }

    @Test(arguments: [Fault.illegalGeneration, Fault.unknownMember, Fault.rebalanceInProgress])
    func aCommitOfAStaleMemberSaysSoAndTheMemberComesBack(code: Int32) async throws {
        try await withMock { cluster in
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            try cluster.fail(.offsetCommit, atBroker: 1, with: [code])
            let error = kafkaError { () throws(KafkaError) in try consumer.commit([Self.partition: CommittedOffset(offset: 1)]) }
            #expect(error?.isStaleMember == true, "\(String(describing: error))")
            try Self.commit(2, consumer, delegate)
            #expect(try consumer.committed([Self.partition])[Self.partition]?.offset == 2)
        }
    }

    @Test(arguments: [Fault.coordinatorLoading, Fault.coordinatorNotAvailable, Fault.notCoordinator, Fault.disconnect])
    func aCommitThatMeetsNoCoordinatorIsRetriable(code: Int32) async throws {
        try await withMock { cluster in
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            try cluster.fail(.offsetCommit, atBroker: 1, with: [code])
            try consumer.poll {
                guard
                    let error = kafkaError(of: { () throws(KafkaError) in
                        try consumer.commit([Self.partition: CommittedOffset(offset: 1)])
                    })
                else { return true }
                #expect(error.isRetriable && !error.isStaleMember, "\(error)")
                return false
            }
            #expect(try cluster.openFailures(.offsetCommit, atBroker: 1) == 0)
            #expect(try consumer.committed([Self.partition])[Self.partition]?.offset == 1)
            // It is still the member that it was.
            #expect(delegate.events == ["assign 1"])
        }
    }

    @Test func aGroupCoordinatorThatMovesIsFoundAndNothingIsLost() async throws {
        try await withMock(brokers: 3) { cluster in
            try cluster.setCoordinator(of: .group("group"), to: 1)
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate, session: Self.long)
            defer { consumer.close() }
            var next = 0
            for broker in [Int32(2), 3, 1] {
                try cluster.setCoordinator(of: .group("group"), to: broker)
                try Self.fill(cluster, from: next, 10)
                for record in try consumer.records(10) {
                    #expect(record.value == Array("\(next)".utf8))
                    next += 1
                }
                try Self.commit(Int64(next), consumer, delegate)
                #expect(try consumer.committed([Self.partition])[Self.partition]?.offset == Int64(next))
            }
        }
    }

    @Test func aMemberThatTheCoordinatorHasForgottenHearsThatItsPartitionsAreLost() async throws {
        try await withMock { cluster in
            let delegate = RecordingDelegate()
            let consumer = try Self.member(cluster, delegate)
            defer { consumer.close() }
            try cluster.fail(.heartbeat, atBroker: 1, with: [Fault.unknownMember])
            try consumer.poll { delegate.events.count >= 3 }
            #expect(delegate.events == ["assign 1", "lose 1", "assign 1"])
        }
    }
}
