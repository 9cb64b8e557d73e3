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
    private let options: ChaosOptions
    private let watch: OffsetWatch
    private let load: LoadStream

    init(_ plan: ChaosPlan, _ options: ChaosOptions, in workspace: Workspace) throws {
        self.plan = plan
        self.options = options
        self.workspace = workspace
        broker =
            try options.foreign.map { ChaosBroker(foreign: $0) }
            ?? ChaosBroker(plan, in: workspace, program: Executable.neighbour("meshbroker"))
        do {
            let run = String(UInt64.random(in: 0...UInt64(1) << 40), radix: 36)
            topics = ChaosTopics(scenario: plan.scenario, run: run, deadLetterPartitions: try ChaosTopics.prepare(broker.client))
            try topics.make(broker.client)
            let launch = try ChaosLaunch(plan, options, workspace, topics, brokers: broker.addressForBots)
            bots = BotSlots(mayEnd: !plan.scenario.leavesBrokerAlone) { launch.launch($0) }
        } catch {
            broker.stop()
            throw error
        }
        watch = OffsetWatch(broker.client, topics, seconds: plan.seconds)
        load = LoadStream(plan, topic: topics.input, client: broker.client, patience: options.quietSeconds)
    }

    /// Blocks until the verdict is there. Throws what kept the run from being judged.
    func run() throws -> ChaosVerdict {
        let interruption = Interruption.add { [self] in bots.killAll() }
        defer {
            Interruption.remove(interruption)
            bots.killAll()
            broker.stop()
        }
        let began = Timestamp.now
        for slot in 1...plan.bots { bots.start(slot) }
        watch.start()
        load.start()
        try wait("every partition has a first commit", limit: 60 + plan.explainedSeconds) { [self] in
            guard let sample = watch.last else { return ["no answer from the broker"] }
            return topics.inputPartitions.filter { sample.committed[$0] == nil }.map(\.description)
        }
        // A fault while the group still hands its partitions out is met by few: one bot can make every first commit.
        try wait("every bot has a share", limit: 60) { [self] in
            guard let group = try group() else { return ["no answer from the broker"] }
            let shares = Set(group.members.filter { !$0.partitions.isEmpty }.map(\.clientID)).count
            return group.state == .stable && shares == plan.bots ? [] : ["\(shares) of \(plan.bots) bots have one"]
        }
        let (healed, unfelt) = try inflict()
        let sent = try load.stop()
        var unrest = unfelt
        // What is missing says more than that it did not come: the topics are judged all the same.
        do { try waitForQuiet() } catch { unrest.append("\(error)") }
        bots.drain()
        let samples = watch.stop()
        unrest += broker.troubles
        do {
            unrest += try Effects(plan, workspace, topics, broker.client).missing(since: began)
            return try judge(sent, samples, healed, unrest)
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

    /// Does the plan's steps in their time; returns when the last one is healed, on the monotonic clock, and which of them nobody felt.
    private func inflict() throws -> (healed: Double, unfelt: [String]) {
        let start = uptimeSeconds()
        var healed = start
        var maker = FaultMaker(self)
        for step in plan.steps {
            sleep(until: start + Double(step.milliseconds) / 1_000)
            let began = uptimeSeconds()
            try maker.make(step.fault)
            healed = max(healed, uptimeSeconds() + step.fault.secondsUnseen)
            Chaos.say("  \(ChaosPlan.seconds(Int((began - start) * 1_000))): \(step.fault)")
        }
        sleep(until: start + Double(plan.seconds))
        return (healed, maker.troubles)
    }

    private func sleep(until time: Double) {
        while uptimeSeconds() < time { usleep(UInt32(min(max(1_000, (time - uptimeSeconds()) * 1e6), 100_000))) }
    }

    /// Until the group has committed all requests and no retry waits.
    private func waitForQuiet() throws {
        let limit = options.quietSeconds + plan.explainedSeconds
        let began = uptimeSeconds()
        try wait("everything that was acknowledged is accounted for", limit: limit) { [self] in
            guard let sample = watch.last, sample.time > began else { return ["no answer from the broker"] }
            let behind = topics.inputPartitions.compactMap { partition -> String? in
                let (offset, end) = (sample.committed[partition]?.offset ?? 0, sample.ends[partition] ?? 0)
                return offset < end ? "\(partition) stands at \(offset) of \(end)" : nil
            }
            guard behind.isEmpty else { return behind }
            return try pendingRetries(sample)
        }
        Chaos.say("  quiet after \(rounded(uptimeSeconds() - began, 10)) s")
    }

    private func pendingRetries(_ sample: OffsetWatch.Sample) throws -> [String] {
        guard sample.ends.contains(where: { $0.key.topic == topics.retry && $0.value > 0 }) else { return [] }
        var pending: [TopicPartition: Int] = [:]
        try TopicReader.read(topics.retry, broker.client, isolation: .readCommitted) { record in
            guard !ChaosLedger.isFinished(record.offset, sample.committed[record.topicPartition]) else { return }
            pending[record.topicPartition, default: 0] += 1
        }
        return pending.sorted { $0.key < $1.key }.map { "\($0.value) retries wait in \($0.key)" }
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
        _ sent: [LoadStream.Sent], _ samples: [OffsetWatch.Sample], _ healed: Double, _ troubles: [String]
    ) throws -> ChaosVerdict {
        let limit = uptimeSeconds() + 20
        while true {
            let ledger = try ChaosLedger(broker.client, topics, committed: samples.last?.committed ?? [:])
            let verdict = ChaosVerdict(
                ChaosVerdict.Evidence(
                    plan: plan, topics: topics, sent: sent, ledger: ledger, samples: samples, healed: healed,
                    stallLimit: options.stallSeconds + plan.explainedSeconds,
                    troubles: troubles + bots.troubles + Alarms(plan, workspace).missing()))
            guard verdict.isIncomplete, uptimeSeconds() < limit else { return verdict }
            usleep(500_000)
        }
    }
}
