import FoundationEssentials
import Kafka
import LocalBroker
import Synchronization

/// One bot process that shall run.
struct Instance: Hashable, Sendable, CustomStringConvertible {
    let bot: String
    /// From 1.
    let replica: Int
    var description: String { "\(bot)-\(replica)" }
}

/// How often an instance was started again, and why last.
struct Restarts: Sendable, Equatable {
    var count = 0
    /// How its process before ended, or why it could not be started; nil before the first time.
    var reason: String?

    mutating func add(_ reason: String) {
        count += 1
        self.reason = reason
    }
}

/// Keeps the instances running that are wanted: starts them, restarts what dies, drains what is wanted no more, and all at the end.
///
/// One thread (`run`) does everything; the other methods only post to it.
final class Supervisor: Sendable {
    /// What it tells while it works.
    enum News: Sendable {
        case started(Instance, pid: Int32)
        case died(Instance, ChildProcess.ExitStatus, restartAfter: Duration)
        case notStarted(Instance, reason: String, restartAfter: Duration)
        /// It was told to finish its work and end.
        case draining(Instance)
        case drained(Instance)
        /// It has not ended in order; what it left open is for others to end.
        case killed(Instance)
    }
    private enum Message: Sendable {
        case ended(Instance, ChildProcess)
        case fenced(Instance)
        case want(Set<Instance>)
        case drain
        case kill
    }
    private struct Slot {
        var child: ChildProcess?
        var startedAt = ContinuousClock.now
        var restartAt: ContinuousClock.Instant?
        var policy = RestartPolicy()
        var restarts = Restarts()
        var isWanted = true
        /// Set once it was told to end; it is killed then.
        var drainDeadline: ContinuousClock.Instant?
        /// What it left open is being ended; until then the slot stays taken.
        var isFencing = false
    }

    let drainTime: Duration
    private let launch: @Sendable (Instance, Restarts) -> ChildProcess.Launch
    private let fence: (@Sendable (Instance) -> Void)?
    private let tell: @Sendable (News) -> Void
    private let mailbox = Mailbox<Message>()

    /// `launch` says how each instance is started; `tell` hears what happens, on the thread of `run`. `fence`, on a thread of its own, ends what an
    /// instance has left open that did not end in order and is not started again; it must return.
    init(
        drainTime: Duration = .seconds(25), launch: @escaping @Sendable (Instance, Restarts) -> ChildProcess.Launch,
        fence: (@Sendable (Instance) -> Void)? = nil, tell: @escaping @Sendable (News) -> Void
    ) {
        self.fence = fence
        self.drainTime = drainTime
        self.launch = launch
        self.tell = tell
    }

    /// From now on these shall run and no others: what is missing is started, what is too much is drained, the highest numbers first.
    func want(_ instances: Set<Instance>) { mailbox.post(.want(instances)) }
    /// Asks all instances to finish their work and end; `run` returns when they have.
    func drain() { mailbox.post(.drain) }
    /// Ends all instances at once.
    func kill() { mailbox.post(.kill) }

    /// Runs `instances`, and later those that are wanted, until `drain` or `kill`; blocks.
    func run(_ instances: [Instance]) {
        var slots: [Instance: Slot] = [:]
        for instance in instances { slots[instance] = start(instance, Slot()) }
        var isEnding = false
        while slots.values.contains(where: { $0.child != nil }) || !isEnding {
            switch mailbox.next(timeout: timeout(slots)) {
            case .ended(let instance, let child): ended(instance, child, &slots, isEnding: isEnding)
            case .fenced(let instance): fenced(instance, &slots)
            case .want(let instances): if !isEnding { reconcile(to: instances, &slots) }
            case .drain:
                isEnding = true
                reconcile(to: [], &slots)
            case .kill:
                isEnding = true
                for (instance, slot) in slots {
                    slots[instance]?.isWanted = false
                    slots[instance]?.restartAt = nil
                    slot.child?.signal(.kill)
                }
            case nil: lookAtTheClock(&slots)
            }
        }
    }

    private func timeout(_ slots: [Instance: Slot]) -> Duration? {
        let next = slots.values.flatMap { [$0.restartAt, $0.drainDeadline] }.compactMap { $0 }.min()
        return next.map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) }
    }

    private func reconcile(to wanted: Set<Instance>, _ slots: inout [Instance: Slot]) {
        let surplus = slots.filter { $0.value.isWanted && !wanted.contains($0.key) }
        for (instance, var slot) in surplus.sorted(by: { ($0.key.replica, $0.key.bot) > ($1.key.replica, $1.key.bot) }) {
            slot.isWanted = false
            slot.restartAt = nil
            if let child = slot.child {
                slot.drainDeadline = .now.advanced(by: drainTime + .seconds(2))
                child.signal(.terminate)
                tell(.draining(instance))
            }
            slots[instance] = slot.child == nil && !slot.isFencing ? nil : slot
        }
        for instance in wanted.sorted(by: { ($0.bot, $0.replica) < ($1.bot, $1.replica) }) {
            // One that still drains is started when it has ended: a slot has one process at a time.
            if slots[instance] == nil { slots[instance] = start(instance, Slot()) } else { slots[instance]?.isWanted = true }
        }
    }

    private func start(_ instance: Instance, _ old: Slot) -> Slot {
        var slot = old
        slot.startedAt = .now
        slot.restartAt = nil
        slot.drainDeadline = nil
        do {
            let child = try ChildProcess.spawn(launch(instance, slot.restarts))
            slot.child = child
            let mailbox = mailbox
            DedicatedThread.start(name: "\(instance)") {
                while child.wait(timeout: .seconds(3600)) == nil {}
                mailbox.post(.ended(instance, child))
            }
            tell(.started(instance, pid: child.pid))
        } catch {
            let delay = slot.policy.delay(afterLifetime: .zero)
            slot.restartAt = .now.advanced(by: delay)
            slot.restarts.add(error.description)
            tell(.notStarted(instance, reason: error.description, restartAfter: delay))
        }
        return slot
    }

    private func ended(_ instance: Instance, _ child: ChildProcess, _ slots: inout [Instance: Slot], isEnding: Bool) {
        guard var slot = slots[instance], slot.child === child, let ending = child.exitStatus else { return }
        slot.child = nil
        if slot.isWanted, slot.drainDeadline == nil {
            let delay = slot.policy.delay(afterLifetime: slot.startedAt.duration(to: .now))
            slot.restartAt = .now.advanced(by: delay)
            slot.restarts.add(ending.description)
            tell(.died(instance, ending, restartAfter: delay))
            slots[instance] = slot
            return
        }
        tell(ending.isSuccess ? .drained(instance) : .killed(instance))
        slot.drainDeadline = nil
        if let fence, !ending.isSuccess, !isEnding {
            slot.isFencing = true
            slots[instance] = slot
            let mailbox = mailbox
            DedicatedThread.start(name: "fence-\(instance)") {
                fence(instance)
                mailbox.post(.fenced(instance))
            }
        } else {
            slots[instance] = slot.isWanted ? start(instance, Slot()) : nil
        }
    }

    private func fenced(_ instance: Instance, _ slots: inout [Instance: Slot]) {
        guard let slot = slots[instance], slot.isFencing else { return }
        slots[instance] = slot.isWanted ? start(instance, Slot()) : nil
    }

    private func lookAtTheClock(_ slots: inout [Instance: Slot]) {
        let now = ContinuousClock.now
        for (instance, slot) in slots {
            if let due = slot.restartAt, now >= due { slots[instance] = start(instance, slot) }
            if let deadline = slot.drainDeadline, now >= deadline {
                slot.child?.signal(.kill)
                // Its end follows; until then there is nothing to wait for.
                slots[instance]?.drainDeadline = .now.advanced(by: .seconds(5))
            }
        }
    }
}
