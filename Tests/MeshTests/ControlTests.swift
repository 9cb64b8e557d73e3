import Envelopes
import Terminal
import Testing

@testable import mesh

@Suite struct ControlTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func status(
        _ bot: String, _ replica: Int, _ state: InstanceRecord.State = .running, _ partitions: [String] = [], level: String? = "info",
        secondsAgo: Int = 0
    ) -> InstanceStatus {
        let seen = now.advanced(by: .seconds(-secondsAgo))
        let record = instanceRecord(bot, replica, state: state, partitions: partitions, logLevel: level, seen: seen)
        return InstanceStatus(record: record, standing: Standing(record, wish: .running, now: now), age: .seconds(secondsAgo))
    }

    private func wishes(_ records: ControlRecord...) -> Wishes {
        Wishes(records: Dictionary(uniqueKeysWithValues: records.map { ($0.key, $0) }))
    }

    private func instance(_ replica: Int) -> Instance { Instance(bot: "A", replica: replica) }

    @Test func anInstancesOwnWishStandsAboveTheBotsFieldByField() {
        let wishes = wishes(
            ControlRecord(bot: "A", state: .paused, logLevel: "warn", replicas: 3), ControlRecord(bot: "A", replica: 2, state: .running),
            ControlRecord(bot: "A", replica: 3, logLevel: "debug"))
        #expect((1...3).map { wishes.state(of: instance($0)) } == [.paused, .running, .paused])
        #expect((1...3).map { wishes.logLevel(of: instance($0)) } == ["warn", "warn", "debug"])
    }

    @Test func aSupervisorKeepsWhatIsWantedAndNotDrained() {
        let wishes = wishes(ControlRecord(bot: "A", replicas: 3), ControlRecord(bot: "A", replica: 2, state: .drained))
        #expect(
            wishes.wanted(["A": 1, "B": 2]) == [instance(1), instance(3), Instance(bot: "B", replica: 1), Instance(bot: "B", replica: 2)])
        #expect(self.wishes(ControlRecord(bot: "A", replicas: 0)).wanted(["A": 2]).isEmpty)
        // A bot that this supervisor does not run is somebody else's.
        #expect(self.wishes(ControlRecord(bot: "C", replicas: 3)).wanted(["A": 1]) == [instance(1)])
        #expect(self.wishes(ControlRecord(bot: "A", replicas: 100_000)).wanted(["A": 1]).count == Wishes.maximumReplicas)
        #expect(self.wishes(ControlRecord(bot: "A", replicas: -3)).wanted(["A": 1]).isEmpty)
    }

    @Test func aChangeKeepsWhatElseIsWanted() throws {
        let before = wishes(ControlRecord(bot: "A", state: .paused, logLevel: "warn", replicas: 2, requestedBy: "ada"))
        let written = before.records(for: .replicas(5), of: Target(bot: "A", replica: nil), by: "grace", at: now.text)
        #expect(written.map(\.key) == ["A"])
        let record = try #require(written.first?.record)
        #expect(
            record
                == ControlRecord(
                    bot: "A", state: .paused, logLevel: "warn", replicas: 5, requestedBy: "grace", requestedAt: now.text))
    }

    @Test func aWishForTheWholeBotHoldsForInstancesThatHadTheirOwn() {
        let before = wishes(
            ControlRecord(bot: "A", replica: 1, state: .running), ControlRecord(bot: "A", replica: 2, state: .drained, logLevel: "debug"),
            ControlRecord(bot: "B", replica: 1, state: .drained))
        let written = before.records(for: .state(.paused), of: Target(bot: "A", replica: nil), by: "ada", at: now.text)
        #expect(written.map(\.key) == ["A", "A/1", "A/2"])
        #expect(written[1].record == nil, "nothing of it is left")
        #expect(written[2].record?.state == nil && written[2].record?.logLevel == "debug")
        let one = before.records(for: .state(.paused), of: Target(bot: "A", replica: 2), by: "ada", at: now.text)
        #expect(one.map(\.key) == ["A/2"])
        #expect(one[0].record?.logLevel == "debug" && one[0].record?.replica == 2)
        #expect(before.records(for: .replicas(1), of: Target(bot: "A", replica: nil), by: "ada", at: "").map(\.key) == ["A"])
    }

    @Test func targetsAreUnderstood() {
        #expect(Target("BuildBot") == Target(bot: "BuildBot", replica: nil))
        #expect(Target("BuildBot/2") == Target(bot: "BuildBot", replica: 2))
        #expect(Target("BuildBot-2") == Target(bot: "BuildBot", replica: 2))
        #expect(Target("my-bot") == Target(bot: "my-bot", replica: nil))
        for wrong in ["", "/2", "A/", "A/0", "A/x", "A/1001", "A/1/2"] { #expect(Target(wrong) == nil, "\(wrong)") }
    }

    @Test func wrongUseIsToldBeforeAnythingIsDone() throws {
        #expect(try ControlCommands.scales(["A=64"]).first?.change == .replicas(Wishes.maximumReplicas))
        #expect(try ControlCommands.scales(["A=3"]).first?.change == .replicas(3))
        for wrong in ["A", "A=", "=3", "A=-1", "A=65", "A=x"] {
            #expect(throws: UsageError.self, "\(wrong)") { try ControlCommands.scales([wrong]) }
        }
        #expect(throws: UsageError.self) { try ControlCommands.scales(["A=1", "A=2"]) }
        #expect(throws: UsageError("no log level 'dbug'; did you mean 'debug'?")) { try ControlCommands.level(["A", "dbug"]) }
        #expect(try ControlCommands.level(["A/2", "default"]).first?.change == .logLevel(nil))
    }

    @Test func scalingIsDoneWhenAllRunTheRestHasEndedAndEachPartitionHasOneOwner() {
        let goal = Goal(Target(bot: "A", replica: nil), .replicas(2), wishes(ControlRecord(bot: "A", replicas: 2)), [])
        let counts = ["t": 2]
        func missing(_ statuses: InstanceStatus...) -> [String] { goal.missing(statuses, partitions: counts) }
        #expect(missing() == ["A-1 has not reported", "A-2 has not reported"])
        #expect(missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"])).isEmpty)
        #expect(missing(status("A", 1, .running, ["t[0]", "t[1]"]), status("A", 2)) == ["A-2 owns no partition yet"])
        #expect(missing(status("A", 1), status("A", 2)).count == 2)
        #expect(
            missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .starting, ["t[1]"])) == ["A-2 is starting"])
        #expect(
            missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[0]"])).sorted()
                == ["1 partition of A with two owners", "1 partition of A without an owner yet"])
        #expect(
            missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"]), status("A", 3, .draining))
                == ["A-3 is draining"])
        #expect(missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"]), status("A", 3, .stopped)).isEmpty)
        #expect(missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"], secondsAgo: 20)).count == 2)
        #expect(missing(status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"]), status("B", 3)).isEmpty)
    }

    @Test func moreReplicasThanPartitionsAreDoneWithoutPartitions() {
        let goal = Goal(Target(bot: "A", replica: nil), .replicas(3), wishes(ControlRecord(bot: "A", replicas: 3)), [])
        let statuses = [status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"]), status("A", 3)]
        #expect(goal.missing(statuses, partitions: ["t": 2]).isEmpty)
    }

    @Test func aDrainedSlotIsNotWaitedForWhenScaling() {
        let wishes = wishes(ControlRecord(bot: "A", replicas: 2), ControlRecord(bot: "A", replica: 2, state: .drained))
        let goal = Goal(Target(bot: "A", replica: nil), .replicas(2), wishes, [])
        #expect(goal.missing([status("A", 1, .running, ["t[0]"])], partitions: ["t": 1]).isEmpty)
        #expect(goal.success == "A: 1 of the 2 wanted run, A-2 is drained; mesh resume A starts what is drained")
    }

    @Test func scalingWhatIsDrainedAsAWholeIsNotSaidToHaveReplicas() {
        let wishes = wishes(ControlRecord(bot: "A", state: .drained, replicas: 3))
        let goal = Goal(Target(bot: "A", replica: nil), .replicas(3), wishes, [])
        #expect(goal.missing([status("A", 1, .stopped)], partitions: ["t": 1]).isEmpty)
        #expect(goal.runningSlots.isEmpty)
        #expect(goal.success == "A is drained, so none of the 3 wanted runs; mesh resume A starts what is drained")
        let none = self.wishes(ControlRecord(bot: "A", state: .drained, replicas: 0))
        #expect(Goal(Target(bot: "A", replica: nil), .replicas(0), none, []).success == "A has 0 replicas")
    }

    @Test func pauseDrainResumeAndLogLevelAreDoneWhenTheInstancesSaySo() {
        func missing(_ target: Target, _ change: Change, _ wishes: Wishes, _ statuses: InstanceStatus...) -> [String] {
            Goal(target, change, wishes, statuses).missing(statuses, partitions: ["t": 1])
        }
        let all = Target(bot: "A", replica: nil)
        let paused = wishes(ControlRecord(bot: "A", state: .paused))
        #expect(missing(all, .state(.paused), paused, status("A", 1), status("A", 2, .paused)) == ["A-1 is running"])
        #expect(missing(Target(bot: "A", replica: 2), .state(.paused), paused, status("A", 1), status("A", 2, .paused)).isEmpty)
        let drained = wishes(ControlRecord(bot: "A", state: .drained))
        #expect(missing(all, .state(.drained), drained, status("A", 1, .draining), status("A", 2, .stopped)) == ["A-1 is draining"])
        #expect(missing(all, .state(.drained), drained, status("A", 1, .stopped)).isEmpty)
        let running = wishes(ControlRecord(bot: "A", state: .running, replicas: 2))
        #expect(
            missing(all, .state(.running), running, status("A", 1, .running, ["t[0]"]), status("A", 2, .stopped)) == [
                "A-2 has not reported"
            ])
        let debug = wishes(ControlRecord(bot: "A", logLevel: "debug"))
        #expect(missing(all, .logLevel("debug"), debug, status("A", 1, level: "debug"), status("A", 2)).count == 1)
        #expect(missing(all, .logLevel(nil), Wishes(), status("A", 1)).isEmpty)
    }

    @Test func whatIsBeyondTheWantedOnesIsNotResumed() {
        func goal(_ replica: Int?, _ wishes: Wishes) -> Goal { Goal(Target(bot: "A", replica: replica), .state(.running), wishes, []) }
        let two = wishes(ControlRecord(bot: "A", replicas: 2))
        let runs = [status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"])]
        #expect(goal(3, two).missing(runs, partitions: ["t": 2]) == ["A/3 is beyond the 2 wanted; to have more: mesh scale A=3"])
        #expect(goal(2, two).obstacle == nil && goal(2, two).missing(runs, partitions: ["t": 2]).isEmpty)
        let none = wishes(ControlRecord(bot: "A", replicas: 0))
        #expect(goal(nil, none).missing([], partitions: [:]) == ["no instance of A is wanted; to have more: mesh scale A=1"])
        // Nobody has said how many: the supervisor may well have been started with three.
        #expect(goal(3, Wishes()).missing([], partitions: [:]) == ["A-3 has not reported"])
        #expect(Goal(Target(bot: "A", replica: 3), .state(.drained), two, []).missing(runs, partitions: ["t": 2]).isEmpty)
    }

    @Test func aCountWithoutBoundsInTheTopicMakesNoEndlessList() {
        let endless = wishes(ControlRecord(bot: "A", replicas: .max))
        #expect(ChangeRun.instances(of: "A", records: [], endless) == Set(1...Wishes.maximumReplicas))
        let known = ChangeRun.instances(of: "A", records: [instanceRecord("A", 99), instanceRecord("B", 98)], Wishes())
        #expect(known == [99])
    }

    @Test func aRebalanceIsToldAsItHappens() {
        let before = [status("A", 1, .running, ["t[0]", "t[1]"])]
        let now = [status("A", 1, .running, ["t[0]"]), status("A", 2, .running, ["t[1]"], level: "debug"), status("A", 3, .stopped)]
        let news = RebalanceNews.between(before, now)
        #expect(news.map(\.text) == ["A-1  - t 1", "A-2  running", "A-2  + t 1", "A-3  stopped"])
        #expect(RebalanceNews.between(now, now).isEmpty)
    }

    @Test func whatHasEndedIsNoNewsWhenOnlyTheWishForItChanges() {
        let stopped = instanceRecord("A", 1, state: .stopped)
        let drained = InstanceStatus(record: stopped, standing: .drained, age: .zero)
        let ended = InstanceStatus(record: stopped, standing: .stopped, age: .zero)
        #expect(RebalanceNews.between([drained], [ended]).isEmpty)
        #expect(RebalanceNews.between([ended], [drained]).isEmpty)
        #expect(RebalanceNews.between([status("A", 1)], [drained]).map(\.text) == ["A-1  drained"])
        #expect(RebalanceNews.between([drained], [status("A", 1)]).map(\.text) == ["A-1  running"])
    }

    @Test func theSupervisorTellsWhoWantedWhat() {
        let before = wishes(ControlRecord(bot: "A", replicas: 2))
        let now = wishes(
            ControlRecord(bot: "A", replicas: 3, requestedBy: "ada"),
            ControlRecord(bot: "A", replica: 1, state: .paused, requestedBy: "eve"))
        let news = ControlWatch.news(of: "A", 1, before: before, now: now)
        #expect(news.map(\.text) == ["A: 3 instead of 2, asked for by ada", "A-1 shall be paused, asked for by eve"])
        #expect(ControlWatch.news(of: "A", 1, before: now, now: now).isEmpty)
    }
}
