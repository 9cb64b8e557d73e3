import Envelopes
import Glibc
import Kafka
import Synchronization
import Terminal

/// `mesh chaos`: does a plan's faults to the running mesh, watches what the mesh does about them, and tells it.
final class MeshChaos {
    private let settings: ClientSettings
    private let output: Output
    private let settleTime: Duration
    private var plan: HarmPlan
    private let state: MeshState
    private let watch: LagWatch
    private let bots: Set<String>
    private var ledger = HarmLedger()
    private var frozen: [Instance: (guard: FreezeGuard, until: ContinuousClock.Instant)] = [:]
    private let interruption = Flagged()

    init(_ invocation: Invocation, _ plan: HarmPlan, settle: Duration) throws {
        Signals.block()
        self.plan = plan
        settleTime = settle
        output = Output(invocation)
        settings = try invocation.settings()
        state = try MeshState(settings)
        bots = Set(plan.targets.map(\.bot))
        for bot in bots { try state.check(bot) }
        watch = LagWatch(settings, bots: bots.sorted())
    }

    deinit { state.close() }

    /// Gives the exit status: 0 when all that was harmed is back, the lag is level, and nothing was written twice that must not be.
    func run() throws -> Int32 {
        Signals.listen { [interruption] _ in interruption.set() }
        defer { thaw(all: true) }
        guard !candidates().fit.isEmpty else { throw noCandidates() }
        let marks = try RepeatCount.marks(settings)
        try look(for: .seconds(3))
        let began = ContinuousClock.now
        for step in 0..<plan.count {
            try look(until: began.advanced(by: plan.time(of: step)))
            if interruption.isSet { break }
            try harm(since: began)
        }
        try look(until: began.advanced(by: plan.duration))
        while !frozen.isEmpty, !interruption.isSet { try look(for: .milliseconds(200)) }
        thaw(all: true)
        let limit = ContinuousClock.now.advanced(by: settleTime)
        while !ledger.isCalm, ContinuousClock.now < limit, !interruption.isSet { try look(for: .milliseconds(250)) }
        let count = try RepeatCount(settings, bots: bots, from: marks, to: RepeatCount.marks(settings))
        let summary = HarmSummary(
            ledger: ledger, count: count, fault: plan.fault, isExactlyOnce: ledger.isExactlyOnce, isInterrupted: interruption.isSet)
        try summary.print(to: output)
        return summary.isWell ? 0 : 1
    }

    /// Set by the thread of signals.
    private final class Flagged: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .relaxed) }
        func set() { flag.store(true, ordering: .relaxed) }
    }

    // MARK: Looking

    private func look(until time: ContinuousClock.Instant) throws {
        while ContinuousClock.now < time, !interruption.isSet {
            try look(for: min(.milliseconds(250), ContinuousClock.now.duration(to: time)))
        }
    }

    private func look(for duration: Duration) throws {
        let end = ContinuousClock.now.advanced(by: duration)
        repeat {
            try state.follow(timeout: min(.milliseconds(250), max(.zero, ContinuousClock.now.duration(to: end))))
            let statuses = state.statuses(all: true).filter { bots.contains($0.record.bot) }
            watch.set(statuses)
            ledger.look(statuses, at: .now)
            for sample in watch.take() { ledger.lag(sample.records, at: sample.time) }
            thaw(all: false)
        } while ContinuousClock.now < end && !interruption.isSet
    }

    // MARK: Harming

    /// Live instances on this host that are what they say, with why the others are not.
    private func candidates() -> (fit: [InstanceStatus], refusals: [String]) {
        let host = ProcessIdentity.hostName
        var fit: [InstanceStatus] = []
        var refusals: [String] = []
        for status in state.statuses() where status.standing.isAlive && plan.targets.contains(where: { $0.includes(status.instance) }) {
            guard frozen[status.instance] == nil else { continue }
            if let reason = refusal(status.record, host) {
                refusals.append("\(status.instance): \(reason)")
            } else {
                fit.append(status)
            }
        }
        return (fit, refusals)
    }

    private func refusal(_ record: InstanceRecord, _ host: String) -> String? {
        guard record.host == host else { return "it runs on \(record.host), and this is \(host)" }
        guard let identity = ProcessIdentity.of(record.pid) else { return "process \(record.pid) is not there, or not yours" }
        return identity.refusal(record, brokers: settings.bootstrapServers)
    }

    private func noCandidates() -> CommandFailure {
        let refusals = candidates().refusals
        let names = plan.targets.map(\.description).joined(separator: ", ")
        return CommandFailure(
            "no instance of \(names) can be harmed from here"
                + (refusals.isEmpty ? ": none runs; see mesh ps" : ":\n" + refusals.map { "  " + $0 }.joined(separator: "\n")))
    }

    private func harm(since began: ContinuousClock.Instant) throws {
        let (fit, refusals) = candidates()
        guard let chosen = plan.choose(among: fit.map(\.instance)), let status = fit.first(where: { $0.instance == chosen }) else {
            return try say(since: began, "nobody", nil, refusals.first ?? "nobody to harm: all are away or frozen")
        }
        let record = status.record
        // Asked once more, as near to the signal as can be: a number may have been given to another process.
        if let reason = refusal(record, ProcessIdentity.hostName) {
            return try say(since: began, "refused", record, "left alone: \(reason)")
        }
        let idleness = Idleness.reason(record)
        let note = idleness.map { "; \($0)" } ?? ""
        switch plan.fault {
        case .kill:
            guard kill(record.pid, SIGKILL) == 0 else {
                return try say(since: began, "failed", record, "cannot be killed: \(String(cString: strerror(errno)))")
            }
            ledger.harmed(
                chosen, pid: record.pid, partitions: Set(record.partitions), at: .now, wall: .now, isHealed: true, wasIdle: idleness != nil)
            try say(since: began, "kill", record, "killed, process \(record.pid)\(note)")
        case .freeze:
            frozen[chosen] = (try FreezeGuard(record.pid), .now.advanced(by: plan.frozen))
            ledger.harmed(
                chosen, pid: record.pid, partitions: Set(record.partitions), at: .now, wall: .now, isHealed: false, wasIdle: idleness != nil
            )
            try say(since: began, "freeze", record, "frozen for \(HumanText.duration(plan.frozen)), process \(record.pid)\(note)")
        }
    }

    private func thaw(all: Bool) {
        for (instance, entry) in frozen where all || ContinuousClock.now >= entry.until {
            entry.guard.thaw()
            frozen[instance] = nil
            ledger.healed(instance, at: .now, wall: .now)
        }
    }

    private struct Row: Encodable {
        let event: String
        let seconds: Double
        let instance: OrNull<String>
        let pid: OrNull<Int32>
        let text: String
    }

    private func say(since began: ContinuousClock.Instant, _ event: String, _ record: InstanceRecord?, _ text: String) throws {
        let seconds = (began.duration(to: .now) / .milliseconds(100)).rounded() / 10
        if output.format == .json {
            try output.object(
                Row(event: event, seconds: seconds, instance: OrNull(record?.instance), pid: OrNull(record?.pid), text: text))
        } else {
            let name = record.map { $0.instance + " " } ?? ""
            output.line("\(output.style(.grey, "+\(HumanText.fixed(seconds, decimals: 1)) s"))  \(name)\(text.printable)")
        }
    }
}
