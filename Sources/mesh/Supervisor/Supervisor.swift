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

/// Keeps instances running: starts them, restarts what dies, drains them all at the end.
///
/// One thread (`run`) does everything; the other methods only post to it.
final class Supervisor: Sendable {
    /// What it tells while it works.
    enum News: Sendable {
        case started(Instance, pid: Int32)
        case died(Instance, ChildProcess.ExitStatus, restartAfter: Duration)
        case notStarted(Instance, reason: String, restartAfter: Duration)
        case drained(Instance)
        case killed(Instance)
    }
    private enum Message: Sendable {
        case ended(Instance, ChildProcess)
        case drain
        case kill
    }
    private struct Slot {
        var child: ChildProcess?
        var startedAt = ContinuousClock.now
        var restartAt: ContinuousClock.Instant?
        var policy = RestartPolicy()
    }

    let drainTime: Duration
    private let launch: @Sendable (Instance) -> ChildProcess.Launch
    private let tell: @Sendable (News) -> Void
    private let mailbox = Mailbox<Message>()

    /// `launch` says how each instance is started; `tell` hears what happens, on the thread of `run`.
    init(
        drainTime: Duration = .seconds(25), launch: @escaping @Sendable (Instance) -> ChildProcess.Launch,
        tell: @escaping @Sendable (News) -> Void
    ) {
        self.drainTime = drainTime
        self.launch = launch
        self.tell = tell
    }

    /// Asks all instances to finish their work and end; `run` returns when they have.
    func drain() { mailbox.post(.drain) }
    /// Ends all instances at once.
    func kill() { mailbox.post(.kill) }

    /// Runs `instances` until `drain` or `kill`; blocks.
    func run(_ instances: [Instance]) {
        var slots: [Instance: Slot] = [:]
        for instance in instances { slots[instance] = start(instance, Slot()) }
        var drainDeadline: ContinuousClock.Instant?
        while slots.values.contains(where: { $0.child != nil }) || drainDeadline == nil {
            switch mailbox.next(timeout: timeout(slots, drainDeadline)) {
            case .ended(let instance, let child): ended(instance, child, &slots, isDraining: drainDeadline != nil)
            case .drain where drainDeadline == nil:
                drainDeadline = .now.advanced(by: drainTime + .seconds(2))
                for (instance, slot) in slots {
                    slot.child?.signal(.terminate)
                    slots[instance]?.restartAt = nil
                }
            case .drain: break
            case .kill:
                drainDeadline = drainDeadline ?? .now
                killAll(slots)
            case nil:
                if let drainDeadline, ContinuousClock.now >= drainDeadline { killAll(slots) }
                restartDue(&slots)
            }
        }
    }

    private func timeout(_ slots: [Instance: Slot], _ drainDeadline: ContinuousClock.Instant?) -> Duration? {
        let next = (slots.values.compactMap(\.restartAt) + [drainDeadline].compactMap { $0 }).min()
        return next.map { max(.milliseconds(1), ContinuousClock.now.duration(to: $0)) }
    }

    private func start(_ instance: Instance, _ old: Slot) -> Slot {
        var slot = old
        slot.startedAt = .now
        slot.restartAt = nil
        do {
            let child = try ChildProcess.spawn(launch(instance))
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
            tell(.notStarted(instance, reason: error.description, restartAfter: delay))
        }
        return slot
    }

    private func ended(
        _ instance: Instance, _ child: ChildProcess, _ slots: inout [Instance: Slot], isDraining: Bool
    ) {
        guard var slot = slots[instance], slot.child === child, let ending = child.exitStatus else { return }
        slot.child = nil
        if isDraining {
            tell(ending.isSuccess ? .drained(instance) : .killed(instance))
        } else {
            let delay = slot.policy.delay(afterLifetime: slot.startedAt.duration(to: .now))
            slot.restartAt = .now.advanced(by: delay)
            tell(.died(instance, ending, restartAfter: delay))
        }
        slots[instance] = slot
    }

    private func restartDue(_ slots: inout [Instance: Slot]) {
        for (instance, slot) in slots {
            if let due = slot.restartAt, ContinuousClock.now >= due { slots[instance] = start(instance, slot) }
        }
    }

    private func killAll(_ slots: [Instance: Slot]) {
        for slot in slots.values { slot.child?.signal(.kill) }
    }
}
