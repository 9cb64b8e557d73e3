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
        var isWanted = false
        /// What it was told, when it was told anything.
        var told: ChildProcess.Signal?
        var toldAt = 0.0
        var toldTwice = false
        /// Not before this instant: a process that ends by itself is not started again at once.
        var startAt = 0.0
    }
    private struct State {
        var slots: [Int: Slot] = [:]
        var isOver = false
        /// What must not happen: processes that broke down, or did not drain.
        var troubles: [String] = []
        var restarts = 0
    }
    private let state = Mutex(State())
    private let launcher: Launcher

    /// A drain has 25 s; what is beyond it and some more is a failure.
    private static let drainSeconds = 30.0

    init(_ launcher: @escaping Launcher) {
        self.launcher = launcher
        DedicatedThread.start(name: "bot-slots") { [self] in
            while !state.withLock({ $0.isOver }) {
                look()
                usleep(20_000)
            }
        }
    }

    func start(_ slot: Int) { change(slot) { $0.isWanted = true } }

    func kill(_ slot: Int) {
        change(slot) {
            $0.isWanted = false
            $0.told = .kill
            $0.process?.signal(.kill)
        }
    }

    func terminate(_ slot: Int, twice: Bool) {
        change(slot) {
            $0.isWanted = false
            guard $0.process != nil, $0.told == nil else { return }
            ($0.told, $0.toldAt, $0.toldTwice) = (.terminate, uptimeSeconds(), false)
            $0.process?.signal(.terminate)
        }
        guard twice else { return }
        // Two signals that are pending at once are one.
        usleep(50_000)
        change(slot) {
            guard $0.told == .terminate else { return }
            // Also one that was told to end before, and drains still.
            $0.toldTwice = true
            $0.process?.signal(.terminate)
        }
    }

    func signal(_ slot: Int, _ signal: ChildProcess.Signal) { change(slot) { $0.process?.signal(signal) } }

    private func change(_ slot: Int, _ body: (inout Slot) -> Void) { state.withLock { body(&$0.slots[slot, default: Slot()]) } }

    private func look() {
        state.withLock { state in
            for number in state.slots.keys.sorted() {
                guard var slot = state.slots[number] else { continue }
                if let process = slot.process {
                    if let status = process.exitStatus {
                        note(number, slot, status, &state)
                        slot.process = nil
                        if slot.told == nil { slot.startAt = uptimeSeconds() + 0.5 }
                        slot.told = nil
                    } else if slot.told == .terminate, uptimeSeconds() - slot.toldAt > Self.drainSeconds {
                        state.troubles.append("bot \(number) did not end within \(Int(Self.drainSeconds)) s of SIGTERM")
                        slot.told = .kill
                        process.signal(.kill)
                    }
                }
                if slot.process == nil, slot.isWanted, !state.isOver, uptimeSeconds() >= slot.startAt {
                    do throws(SpawnError) {
                        slot.process = try ChildProcess.spawn(launcher(number))
                    } catch {
                        state.troubles.append(error.description)
                        slot.isWanted = false
                    }
                }
                state.slots[number] = slot
            }
        }
    }

    private func note(_ number: Int, _ slot: Slot, _ status: ChildProcess.ExitStatus, _ state: inout State) {
        switch (slot.told, status) {
        case (.kill, _), (.terminate, .exited(0)): return
        case (.terminate, .exited) where slot.toldTwice: return
        case (.terminate, _): state.troubles.append("bot \(number) was told to end and \(status)")
        case (_, .signalled): state.troubles.append("bot \(number) broke down: it \(status)")
        default:
            state.restarts += 1
            Chaos.say("  bot \(number) \(status) by itself and is started again")
        }
    }

    var running: Int { state.withLock { $0.slots.values.count { $0.process != nil } } }
    /// What went wrong with processes so far.
    var troubles: [String] { state.withLock { $0.troubles } }
    /// How often one ended by itself.
    var restarts: Int { state.withLock { $0.restarts } }

    /// SIGTERM to all; waits until the last has ended, or was killed for not ending.
    func drain() {
        let slots = state.withLock { Array($0.slots.keys) }
        for slot in slots {
            signal(slot, .thaw)
            terminate(slot, twice: false)
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
