import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker
import Synchronization

/// The bots, one process a replica slot. A thread starts whoever should run and does not, as a supervisor would, and notes how each one ended.
final class BotSlots: Sendable {
    /// How a slot's process is started.
    typealias Launcher = @Sendable (_ slot: Int) -> ChildProcess.Launch

    private struct Slot {
        var process: ChildProcess?
        /// How it was started.
        var launch: ChildProcess.Launch?
        var started = Timestamp.now
        var isWanted = false
        /// What it was told, when it was told anything.
        var told: ChildProcess.Signal?
        /// When it must have ended that was told to.
        var endsBy = 0.0
        var toldTwice = false
        /// Since when it is frozen; nil where it is not.
        var frozenAt: Double?
        /// A process that was frozen may end by itself until this instant: others have its place.
        var mayGiveUpUntil = 0.0
        /// It may end by itself once for each fault that keeps its broker from it; until these instants.
        var excuses: [Double] = []
        /// Not before this instant: a process that ends by itself is not started again at once.
        var startAt = 0.0
        var isRunning: Bool { process.map { $0.exitStatus == nil } ?? false }
    }
    private struct State {
        var slots: [Int: Slot] = [:]
        var isOver = false
        /// What must not happen: processes that broke down, or did not drain.
        var troubles: [String] = []
        var restarts = 0
        var memory = BotMemory()
    }
    /// How long an end may take, in seconds.
    struct Limits {
        /// After SIGTERM: the 25 s of a drain, and some more for a machine that is busy.
        var drain: Double
        /// After a second one, which ends a process at once.
        var end: Double

        init(drain: Double, end: Double) { (self.drain, self.end) = (drain, end) }

        /// For a machine that is slower both are longer by the same; an end after a second signal has 3 s at least.
        init(drain: Double = 27) { self.init(drain: drain, end: max(3, drain - 24)) }
    }
    private let state = Mutex(State())
    private let launcher: Launcher
    private let limits: Limits
    /// The most memory that a process has had, in megabytes; nil where nobody can say.
    private let peak: @Sendable (_ process: Int32) -> Double?

    init(
        limits: Limits = Limits(), peak: @escaping @Sendable (_ process: Int32) -> Double? = { BotMemory.peak(of: $0) },
        _ launcher: @escaping Launcher
    ) {
        self.launcher = launcher
        self.limits = limits
        self.peak = peak
        DedicatedThread.start(name: "bot-slots") { [self] in
            var looks = 0
            while !state.withLock({ $0.isOver }) {
                look()
                // Each second.
                if looks % 50 == 0 { measure() }
                looks += 1
                usleep(20_000)
            }
        }
    }

    func start(_ slot: Int) { change(slot) { $0.isWanted = true } }

    func kill(_ slot: Int) {
        send(.kill, to: slot) {
            $0.isWanted = false
            $0.told = .kill
        }
    }

    func terminate(_ slot: Int, twice: Bool) {
        if told(slot) == .terminate {
            // It drains since an earlier one.
            change(slot) { $0.isWanted = false }
            if !twice { Chaos.say("  bot \(slot) drains still") }
        } else {
            waitUntilBegun(slot)
            send(.terminate, to: slot) { [limits] in
                $0.isWanted = false
                ($0.told, $0.endsBy, $0.toldTwice) = (.terminate, uptimeSeconds() + limits.drain, false)
            }
        }
        guard twice else { return }
        waitUntilTaken(slot)
        change(slot) { [limits] in
            guard $0.told == .terminate else { return }
            ($0.endsBy, $0.toldTwice) = (uptimeSeconds() + limits.end, true)
            $0.process?.signal(.terminate)
        }
    }

    /// Whom a fault keeps from its broker, or from its group, may end by itself within so many seconds.
    private static let excuseSeconds = 60.0

    /// These (nil: all) cannot reach their broker for a while: each may end by itself once more, and is started again.
    func excuse(_ slots: [Int]?) {
        let end = uptimeSeconds() + Self.excuseSeconds
        state.withLock { state in for slot in slots ?? Array(state.slots.keys) { state.slots[slot]?.excuses.append(end) } }
    }

    func freeze(_ slot: Int) { send(.freeze, to: slot) { $0.frozenAt = uptimeSeconds() } }

    /// What it was frozen for is not of the time that it has to end.
    func thaw(_ slot: Int) {
        send(.thaw, to: slot) { slot in
            let now = uptimeSeconds()
            slot.endsBy += slot.frozenAt.map { now - $0 } ?? 0
            (slot.frozenAt, slot.mayGiveUpUntil) = (nil, now + Self.excuseSeconds)
        }
    }

    private func told(_ slot: Int) -> ChildProcess.Signal? { state.withLock { $0.slots[slot]?.told } }

    /// A fault without a process that it meets is none: that is a trouble.
    private func send(_ signal: ChildProcess.Signal, to number: Int, _ note: (inout Slot) -> Void = { _ in }) {
        state.withLock { state in
            guard var slot = state.slots[number], slot.isRunning else {
                state.troubles.append("bot \(number) was to get signal \(signal.rawValue), and did not run")
                return
            }
            note(&slot)
            state.slots[number] = slot
            slot.process?.signal(signal)
        }
    }

    /// SIGTERM ends a process that has not begun, as it ends any that does not care: a bot blocks it first of all.
    private func waitUntilBegun(_ slot: Int) {
        // Whoever starts a process, as a shell does for each command, has all signals blocked for a moment: what is so for a while counts.
        var looks = 0
        wait(5, for: slot) { pid in
            looks = ["SigBlk", "SigCgt", "SigIgn"].contains { Self.has(SIGTERM, $0, pid) } ? looks + 1 : 0
            return looks == 5
        }
    }

    /// Two signals that are pending at once are one: the second waits until the process has taken the first.
    private func waitUntilTaken(_ slot: Int) { wait(5, for: slot) { !Self.has(SIGTERM, "ShdPnd", $0) } }

    /// Waits for something of the slot's process, so many seconds at most, and not when there is none.
    private func wait(_ seconds: Double, for slot: Int, until isSo: (_ pid: Int32) -> Bool) {
        let limit = uptimeSeconds() + seconds
        while let pid = state.withLock({ $0.slots[slot]?.process?.pid }), !isSo(pid), uptimeSeconds() < limit { usleep(10_000) }
    }

    /// Whether a signal is in this set of a process's.
    private static func has(_ signal: Int32, _ set: String, _ pid: Int32) -> Bool {
        guard let word = (try? KernelFigures(path: "/proc/\(pid)/status"))?.word(set), let signals = UInt64(word, radix: 16) else {
            return false
        }
        return signals & 1 << UInt64(signal - 1) != 0
    }

    /// The most memory that each bot was seen to have, in megabytes: looked at each second, and before it is told to end in the end.
    var peakMegabytes: [Int: Double] { state.withLock { $0.memory.peaks } }

    /// Reads the memory of whoever runs.
    private func measure() {
        let running = state.withLock { $0.slots.compactMapValues { $0.isRunning ? $0.process?.pid : nil } }
        for (number, process) in running {
            let megabytes = peak(process)
            state.withLock { state in
                // One that has ended meanwhile need not say anything.
                guard megabytes != nil || state.slots[number].map({ $0.process?.pid == process && $0.isRunning }) ?? false else { return }
                guard state.memory.note(megabytes, of: number, process: process) else { return }
                state.troubles.append("the memory of bot \(number) cannot be read")
            }
        }
    }

    private func change(_ slot: Int, _ body: (inout Slot) -> Void) { state.withLock { body(&$0.slots[slot, default: Slot()]) } }

    private func look() {
        state.withLock { state in
            for number in state.slots.keys.sorted() {
                guard var slot = state.slots[number] else { continue }
                if let process = slot.process {
                    if let status = process.exitStatus {
                        note(number, &slot, status, &state)
                        slot.process = nil
                        if slot.told == nil { slot.startAt = uptimeSeconds() + 0.5 }
                        slot.told = nil
                    } else if slot.told == .terminate, slot.frozenAt == nil, uptimeSeconds() > slot.endsBy {
                        let what = slot.toldTwice ? "\(limits.end) s of its second SIGTERM" : "\(limits.drain) s of SIGTERM"
                        state.troubles.append("bot \(number) did not end within \(what)")
                        slot.told = .kill
                        process.signal(.kill)
                    }
                }
                if slot.process == nil, slot.isWanted, !state.isOver, uptimeSeconds() >= slot.startAt {
                    do throws(SpawnError) {
                        slot.started = Timestamp.now
                        let launch = launcher(number)
                        (slot.launch, slot.process) = (launch, try ChildProcess.spawn(launch))
                        (slot.mayGiveUpUntil, slot.frozenAt) = (0, nil)
                    } catch {
                        state.troubles.append(error.description)
                        slot.isWanted = false
                    }
                }
                state.slots[number] = slot
            }
        }
    }

    private func note(_ number: Int, _ slot: inout Slot, _ status: ChildProcess.ExitStatus, _ state: inout State) {
        switch (slot.told, status) {
        case (.kill, _), (.terminate, .exited(0)): return
        case (.terminate, .exited(128 + SIGTERM)) where slot.toldTwice: return
        case (.terminate, _): state.troubles.append("bot \(number) was told to end and \(status)")
        case (_, .signalled): state.troubles.append("bot \(number) broke down: it \(status)")
        default:
            state.restarts += 1
            let words = LastWords(of: slot.launch)
            Chaos.say("  bot \(number) \(status) by itself and is started again: \(words)")
            guard !excuses(&slot, words) else { return }
            state.troubles.append("bot \(number) \(status) by itself: \(words)")
        }
    }

    /// Whether a fault explains that the slot's process has ended by itself with these words.
    private func excuses(_ slot: inout Slot, _ words: LastWords) -> Bool {
        if uptimeSeconds() < slot.mayGiveUpUntil, words.tell(ofOne: LastWords.withoutPlace) { return true }
        slot.excuses.removeAll { $0 < uptimeSeconds() }
        guard !slot.excuses.isEmpty, words.tell(ofOne: LastWords.withoutBroker) else { return false }
        slot.excuses.removeFirst()
        return true
    }

    /// Since when a slot's process runs; nil where none does.
    func started(_ slot: Int) -> Timestamp? { state.withLock { $0.slots[slot].flatMap { $0.isRunning ? $0.started : nil } } }

    /// How many should run, beside the one that reads the results.
    var wanted: Int { state.withLock { $0.slots.count { $0.key != ChaosLaunch.downstreamSlot && $0.value.isWanted } } }
    var running: Int { state.withLock { $0.slots.values.count { $0.process != nil } } }
    /// What went wrong with processes so far.
    var troubles: [String] { state.withLock { $0.troubles } }
    /// How often one ended by itself.
    var restarts: Int { state.withLock { $0.restarts } }

    /// SIGTERM to all; waits until the last has ended, or was killed for not ending.
    func drain() {
        measure()
        for slot in state.withLock({ $0.slots.keys.sorted() }) {
            change(slot) {
                ($0.isWanted, $0.frozenAt) = (false, nil)
                $0.process?.signal(.thaw)
            }
            if state.withLock({ $0.slots[slot].map { $0.told == nil && $0.isRunning } ?? false }) { terminate(slot, twice: false) }
        }
        while running > 0 { usleep(20_000) }
        state.withLock { $0.isOver = true }
    }

    /// Ends all at once.
    func killAll() {
        state.withLock { state in
            state.isOver = true
            for slot in state.slots.values { slot.process?.signal(.kill) }
        }
    }
}
