import Envelopes
import FoundationEssentials
import Glibc
import Kafka
import LocalBroker

/// Does faults, and heals them. Throws, or notes, what met nothing: a fault without effect proves nothing.
struct FaultMaker {
    private let run: ChaosRun
    private var unfelt: [String] = []
    /// Whether one that was killed or frozen while the group was at rest had requests then; nil: there was none.
    private var hasMetWork: Bool?
    /// Those that are frozen and had requests then.
    private var frozen: Set<Int> = []
    private var hasFrozen = false
    /// Whether the group had given one of them up when it was let go.
    private var hasReplaced = false
    /// Since when the bots' disk has space.
    private var hasSpaceSince = Timestamp.now

    /// Faults that nobody felt, in words.
    var troubles: [String] {
        // In other scenarios a member that is frozen while it waits for the group's next round counts as there.
        unfelt
            + (run.plan.scenario == .freeze && hasFrozen && !hasReplaced
                ? ["the group kept each frozen bot that had requests: none of their partitions had another owner"] : [])
            + (hasMetWork == false ? ["no bot that was killed or frozen had a partition of requests then"] : [])
    }

    init(_ run: ChaosRun) { self.run = run }

    mutating func make(_ fault: Fault) throws {
        switch fault {
        case .kill(let slot):
            meets(slot)
            run.bots.kill(slot)
        case .terminate(let slot, let twice): run.bots.terminate(slot, twice: twice)
        case .start(let slot): run.bots.start(slot)
        case .settle(let bots):
            do { try run.waitForShares(of: bots) } catch { unfelt.append("\(error)") }
        case .freeze(let slot):
            if meets(slot) { frozen.insert(slot) }
            run.bots.freeze(slot)
            hasFrozen = true
        case .thaw(let slot):
            // Who was not there when the group was asked counts as replaced; where nobody answers, nobody does.
            if frozen.remove(slot) != nil, run.plan.scenario == .freeze, let group = try? run.group() {
                hasReplaced = hasReplaced || !group.members.contains { $0.clientID == ChaosLaunch.clientID(slot) }
            }
            run.bots.thaw(slot)
        case .killBroker:
            run.bots.excuse(nil)
            try broker(runs: true).kill()
        case .startBroker: try broker(runs: false).start()
        case .freezeBroker:
            run.bots.excuse(nil)
            try broker(runs: true).signal(.freeze)
        case .thawBroker: try broker(runs: true).signal(.thaw)
        case .links(let slot, let weather): try set(weather, slot.map { [$0] } ?? Array(1...run.plan.bots))
        case .breakDependency: try run.workspace.write("down\n", to: ChaosLaunch.downFile)
        case .mendDependency: try FileManager.default.removeItem(atPath: run.workspace.file(ChaosLaunch.downFile))
        case .refuseDeadLetters: try limitDeadLetters("1")
        case .acceptDeadLetters: try limitDeadLetters(nil)
        case .fillDisk:
            run.bots.excuse(nil)
            try run.broker.setDiskFull(true)
        case .freeDisk: try run.broker.setDiskFull(false)
        case .fillBotDisk: try botDisk().setFull(true)
        case .freeBotDisk:
            try botDisk().setFull(false)
            hasSpaceSince = Timestamp.now
        case .copy(let bots):
            do { try run.waitForCopies(of: bots, since: hasSpaceSince) } catch { unfelt.append("\(error)") }
        case .stepClock(let slot, let seconds): try ClockShift.set(seconds, ChaosLaunch.clockFile(slot), in: run.workspace)
        }
    }

    /// Whether the bot has requests to lose: one without a partition of them meets no fault. While the group hands them out anew nobody says who has which,
    /// and nothing is noted.
    @discardableResult private mutating func meets(_ slot: Int) -> Bool {
        guard let bearers = run.bearers() else { return false }
        let hasWork = bearers.contains(ChaosLaunch.clientID(slot))
        hasMetWork = hasWork || hasMetWork ?? false
        return hasWork
    }

    /// The broker's process, of which a fault needs that it runs, or does not.
    private func broker(runs: Bool) throws -> LocalBroker {
        guard let local = run.broker.local, (local.processID != nil) == runs else {
            throw LoadFailure("the broker \(runs ? "does not run" : "runs already"): the fault has nothing to do")
        }
        return local
    }

    private func botDisk() throws -> BotDisk {
        guard let disk = run.disk else { throw LoadFailure("the bots have no disk of their own") }
        return disk
    }

    private mutating func set(_ weather: LinkWeather, _ slots: [Int]) throws {
        guard let proxy = run.broker.proxy else { throw LoadFailure("there is no proxy between bots and broker") }
        if weather != .fine { run.bots.excuse(slots) }
        for slot in slots {
            let (before, touched) = proxy.set(weather, client: ChaosLaunch.clientID(slot))
            if before != .fine, touched == 0 { unfelt.append("links of bot \(slot) were \(before), and nothing came that way") }
        }
    }

    /// No record is as small as a byte.
    private func limitDeadLetters(_ bytes: String?) throws {
        let admin = try AdminClient(run.broker.client)
        defer { admin.close(timeout: .seconds(1)) }
        try admin.alterConfigs(.topic(ChaosTopics.deadLetters), ["max.message.bytes": bytes])
    }
}

/// The file that tells the preload of `loadtest/clock` how far a process's clock is off: seconds, as a native 64-bit number.
enum ClockShift {
    /// Writes in place: the process has this very file mapped.
    static func set(_ seconds: Int, _ name: String, in workspace: Workspace) throws {
        let path = workspace.file(name)
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw LoadFailure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let written = withUnsafeBytes(of: Int64(seconds)) { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard written == MemoryLayout<Int64>.size else { throw LoadFailure("\(path) cannot be written") }
    }
}
