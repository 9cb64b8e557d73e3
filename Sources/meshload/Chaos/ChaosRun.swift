import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import MeshRuntime
import Synchronization

/// One run: starts the mesh, keeps a load on it, does what the plan says, waits for quiet, and has it all checked.
final class ChaosRun: Sendable {
    let plan: ChaosPlan
    let workspace: Workspace
    let broker: ChaosBroker
    let topics: ChaosTopics
    let bots: BotSlots
    /// Where the bots keep copies of their states; nil where they keep none.
    let disk: BotDisk?
    private let options: ChaosOptions
    private let watch: OffsetWatch
    /// The bot that reads the results, which at-least-once must drop what is repeated.
    private let downstream: Downstream?
    private let load: LoadStream
    /// The topics that nobody else uses.
    private let ownTopics: [String]
    /// The same, at a Kafka that is not ours.
    private let leftTopics: LeftTopics?

    private struct Downstream {
        let topics: ChaosTopics
        let watch: OffsetWatch
    }

    init(_ plan: ChaosPlan, _ options: ChaosOptions, in workspace: Workspace) throws {
        self.plan = plan
        self.options = options
        self.workspace = workspace
        broker =
            try options.foreign.map { ChaosBroker(foreign: $0) }
            ?? ChaosBroker.start(plan, in: workspace, program: Executable.neighbour("meshbroker"))
        var disk: BotDisk?
        do {
            let run = String(UInt64.random(in: 0...UInt64(1) << 40), radix: 36)
            let topics = ChaosTopics(scenario: plan.scenario, run: run, deadLetterPartitions: try ChaosTopics.prepare(broker.client))
            self.topics = topics
            ownTopics = topics.own + (plan.mode == .atLeastOnce ? topics.downstream.own.filter { !topics.own.contains($0) } : [])
            leftTopics = options.foreign == nil ? nil : LeftTopics(ownTopics)
            do {
                try topics.make(broker.client)
                if plan.mode == .atLeastOnce { try topics.downstream.make(broker.client) }
                if plan.scenario == .stateDisk { disk = try BotDisk(in: workspace) }
                let launch = try ChaosLaunch(plan, options, workspace, topics, brokers: broker.addressForBots, disk: disk)
                bots = BotSlots(limits: BotSlots.Limits(drain: options.endSeconds)) { launch.launch($0) }
            } catch {
                leftTopics?.tell()
                throw error
            }
        } catch {
            disk?.stop()
            broker.stop()
            throw error
        }
        self.disk = disk
        let watch = { [broker] in OffsetWatch(broker.client, $0, seconds: plan.seconds) }
        self.watch = watch(topics)
        downstream =
            plan.mode == .atLeastOnce ? Downstream(topics: topics.downstream, watch: watch(topics.downstream)) : nil
        load = LoadStream(plan, topic: topics.input, client: broker.client, patience: options.quietSeconds)
    }

    /// Removes the run's topics from a Kafka that others use too.
    func removeTopics() throws {
        guard let leftTopics else { return }
        do {
            try ChaosTopics.remove(ownTopics, broker.client)
        } catch {
            leftTopics.tell()
            throw error
        }
        leftTopics.forget()
    }

    /// Names them where they stay at such a Kafka.
    func tellOfTopics() { leftTopics?.tell() }

    /// Blocks until the verdict is there. Throws what kept the run from being judged.
    func run() throws -> ChaosVerdict {
        let interruption = Interruption.add { [self] in bots.killAll() }
        defer {
            Interruption.remove(interruption)
            // Where it throws, these go on still.
            load.giveUp()
            for watch in [watch, downstream?.watch] { watch?.giveUp() }
            bots.killAll()
            disk?.stop()
            broker.stop()
        }
        let began = Timestamp.now
        for slot in 1...plan.bots { bots.start(slot) }
        watch.start()
        if let downstream {
            bots.start(ChaosLaunch.downstreamSlot)
            downstream.watch.start()
        }
        load.start()
        try wait("every partition has a first commit", limit: options.quietSeconds + plan.explainedSeconds) { [self] in
            guard let sample = watch.last else { return ["no answer from the broker"] }
            return topics.inputPartitions.filter { sample.committed[$0] == nil }.map(\.description)
        }
        // A fault while the group still hands its partitions out is met by few: one bot can make every first commit.
        try waitForShares(of: plan.bots)
        let alarms = Alarms(plan, workspace)
        let (calm, unfelt) = try inflict()
        var unrest = unfelt
        do { try waitForShares(of: bots.wanted) } catch { unrest.append("\(error)") }
        let sent = try load.stop()
        // What is missing says more than that it did not come: the topics are judged all the same.
        do {
            try waitForQuiet(topics, watch)
            if let downstream { try waitForQuiet(downstream.topics, downstream.watch) }
        } catch {
            unrest.append("\(error)")
        }
        bots.drain()
        let peaks = bots.peakMegabytes
        let answered = downstream?.watch.stop() ?? []
        let samples = watch.stop()
        unrest += broker.troubles
        do {
            unrest += try Alarms.mistaken(workspace)
            unrest += alarms.missing() + (try Effects(plan, workspace, topics, broker.client).missing(since: began))
            return try judge(sent, samples, answered: answered, calm, peaks, unrest)
        } catch {
            throw LoadFailure((unrest + ["the topics cannot be judged: \(error)"]).joined(separator: "; "))
        }
    }

    /// Who is in the bots' group. Never asked where the broker may go: librdkafka's calls about groups end this process when it goes while they wait
    /// (confluentinc/librdkafka issue 3663).
    func group() throws -> GroupDescription? {
        let admin = try AdminClient(broker.client, observer: ClientObserver(log: { _ in }))
        defer { admin.close() }
        return try admin.describeGroups([topics.group]).first
    }

    /// The bots that have partitions of requests, by their client ids; nil where the group is not at rest, or nobody answers.
    func bearers() -> Set<String>? {
        guard let group = try? group(), group.state == .stable else { return nil }
        return topics.bearers(among: group)
    }

    /// Waits until the group is at rest with so many bots and no others, each of them with partitions of requests.
    func waitForShares(of count: Int) throws {
        try wait("\(count) bots have a share of the requests", limit: options.quietSeconds) {
            guard let group = try? group() else { return ["no answer from the broker"] }
            let shares = topics.bearers(among: group).count
            guard group.state == .stable, group.members.count == count, shares == count else {
                return ["\(shares) of \(group.members.count) members have one"]
            }
            return []
        }
    }

    /// Waits until so many bots have written copies of their states since they were started, and that not before `moment`.
    func waitForCopies(of count: Int, since moment: Timestamp) throws {
        try wait("\(count) bots have copied their states", limit: options.quietSeconds) {
            (1...count).compactMap { slot in
                guard let started = bots.started(slot), started > moment else { return "bot \(slot) was not started anew" }
                let instance = RuntimeSettings(bot: topics.group, replica: slot).instance
                guard let written = disk?.lastWritten(by: instance), written > started else { return "bot \(slot) has written no copy" }
                return nil
            }
        }
    }

    /// Does the plan's steps in their time; returns when nothing was amiss, and which of them nobody felt.
    private func inflict() throws -> (calm: CalmSpans, unfelt: [String]) {
        let start = uptimeSeconds()
        var calm = CalmSpans(from: start)
        var maker = FaultMaker(self)
        // What the waits among them took: a plan says how long after them the others come.
        var waited = 0.0
        for step in plan.steps {
            sleep(until: start + waited + Double(step.milliseconds) / 1_000)
            let began = uptimeSeconds()
            try maker.make(step.fault)
            let done = uptimeSeconds()
            if step.fault.isWait { waited += done - began } else { calm.note(step.fault, from: began, to: done) }
            Chaos.say("  \(ChaosPlan.seconds(Int((began - start) * 1_000))): \(step.fault)")
        }
        sleep(until: start + waited + Double(plan.seconds))
        return (calm, maker.troubles)
    }

    private func sleep(until time: Double) {
        while uptimeSeconds() < time { usleep(UInt32(min(max(1_000, (time - uptimeSeconds()) * 1e6), 100_000))) }
    }

    /// Until the group has committed all of its input and no retry waits.
    private func waitForQuiet(_ topics: ChaosTopics, _ watch: OffsetWatch) throws {
        let limit = options.quietSeconds + plan.explainedSeconds
        let began = uptimeSeconds()
        try wait("everything that was acknowledged is accounted for", limit: limit) {
            guard let sample = watch.last, sample.began > began else { return ["no answer from the broker"] }
            let behind = topics.inputPartitions.compactMap { partition -> String? in
                let (offset, end) = (sample.committed[partition]?.offset ?? 0, sample.ends[partition] ?? 0)
                return offset < end ? "\(partition) stands at \(offset) of \(end)" : nil
            }
            guard behind.isEmpty else { return behind }
            let open = try topics.inbox.map { try pending($0, sample) } ?? []
            return open.isEmpty ? try pending(topics.retry, sample) : open
        }
        Chaos.say("  \(topics.group) is quiet after \(rounded(uptimeSeconds() - began, 10)) s")
    }

    /// What waits in a topic that the bots write themselves: its end is that of a transaction, and no commit reaches it.
    private func pending(_ topic: String, _ sample: OffsetWatch.Sample) throws -> [String] {
        guard sample.ends.contains(where: { $0.key.topic == topic && $0.value > 0 }) else { return [] }
        var pending: [TopicPartition: Int] = [:]
        try TopicReader.read(topic, broker.client, isolation: .readCommitted) { record in
            guard !ChaosLedger.isFinished(record.offset, sample.committed[record.topicPartition]) else { return }
            pending[record.topicPartition, default: 0] += 1
        }
        return pending.sorted { $0.key < $1.key }.map { "\($0.value) records wait in \($0.key)" }
    }

    /// Waits until `missing` names nothing; throws what it names when the time is over. `limit` in seconds.
    private func wait(_ what: String, limit: Double, _ missing: () throws -> [String]) throws {
        let end = uptimeSeconds() + limit
        while true {
            let names = try missing()
            if names.isEmpty { return }
            guard uptimeSeconds() < end else {
                throw LoadFailure("\(what): not within \(Int(limit)) s: \(names.prefix(8).joined(separator: ", "))")
            }
            usleep(100_000)
        }
    }

    /// A transaction that a killed process left open hides what comes after it until it times out: what is missing is looked for again.
    private func judge(
        _ sent: [LoadStream.Sent], _ samples: [OffsetWatch.Sample], answered: [OffsetWatch.Sample], _ calm: CalmSpans,
        _ peaks: [Int: Double], _ troubles: [String]
    ) throws -> ChaosVerdict {
        let limit = uptimeSeconds() + 20
        let (hasty, again) = (try Alarms.hastilyGivenUp(workspace), try Alarms.writtenAgain(workspace))
        while true {
            let verdict = ChaosVerdict(
                ChaosVerdict.Evidence(
                    plan: plan, sent: sent, group: try reading(of: topics, samples, downstream: downstream?.topics),
                    downstream: try downstream.map { try reading(of: $0.topics, answered) }, calm: calm.all,
                    stallLimit: options.stallSeconds + plan.explainedSeconds + (options.foreign == nil ? 0 : ChaosPlan.foreignSeconds),
                    peaks: peaks, hasRestarts: bots.restarts > 0, hastilyGivenUp: hasty, writtenAgain: again,
                    troubles: troubles + bots.troubles))
            guard verdict.isIncomplete, uptimeSeconds() < limit else { return verdict }
            usleep(500_000)
        }
    }

    private func reading(
        of topics: ChaosTopics, _ samples: [OffsetWatch.Sample], downstream: ChaosTopics? = nil
    ) throws -> ChaosVerdict.Reading {
        // Nobody else fails at first: the bot that reads the results has habits of its own.
        let habits = ChaosBot.Habits(transientPerMille: topics.group == self.topics.group ? plan.load.transientPerMille : 0)
        let ledger = try ChaosLedger(broker.client, topics, habits, downstream: downstream, committed: samples.last?.committed ?? [:])
        return ChaosVerdict.Reading(topics: topics, ledger: ledger, samples: samples, log: try commitLog(topics))
    }

    /// A Kafka that is not ours may refuse the topic of commits.
    private func commitLog(_ topics: ChaosTopics) throws -> CommitLog {
        do {
            return try CommitLog(of: topics.group, broker.client)
        } catch  where options.foreign != nil {
            Chaos.say("  the log of commits cannot be read, so only the samples of them are judged: \(error)")
            return CommitLog()
        }
    }
}
