import Envelopes
import Kafka

/// When the schedules of a bot were looked at last. The owner of the partition of `schedule.fired` where the bot's key lies is the one that ticks.
struct Ticker {
    /// Ticks that were missed, by the owner before or while the bot was paused, are made up for when they are not older than this, in milliseconds. Their ids
    /// tell those that were not missed.
    static let lookBack: Int64 = 120_000

    /// A new owner waits for so long, in milliseconds, before it fires: what the one before has sent may still be on its way. What has arrived by the restoration
    /// is known from that.
    static let patience: Int64 = 2_000

    /// A tick that was refused is not fired again before so many milliseconds.
    static let pause: Int64 = 10_000

    /// The partition of `schedule.fired` where the bot's ticks lie; nil where the topic is not there.
    let home: TopicPartition?
    private(set) var isOwner = false
    private var lastLook: Timestamp?
    /// On the monotonic clock.
    private(set) var firstFiring: Int64 = 0
    /// Ticks that stand in the log, whatever became of them. Bounded.
    private var fired: Set<String> = []
    private var order = Fifo<String>()
    private static var rememberedTicks: Int { 4_096 }

    init(home: TopicPartition?) { self.home = home }

    mutating func owns(_ partition: TopicPartition, at moment: Moment) {
        guard partition == home else { return }
        isOwner = true
        lastLook = Timestamp(milliseconds: moment.wall.milliseconds - Self.lookBack)
        firstFiring = moment.uptime + Self.patience
    }

    /// What was noted is forgotten too: a tick that had not settled is not in the log, and who comes back reads there which ones are.
    mutating func lost(_ partition: TopicPartition) {
        guard partition == home, isOwner else { return }
        isOwner = false
        fired = []
        order = Fifo()
    }

    /// Notes a tick's id. False when it was known.
    @discardableResult
    mutating func note(_ id: EventID) -> Bool {
        guard fired.insert(id.text).inserted else { return false }
        order.append(id.text)
        if order.count > Self.rememberedTicks, let oldest = order.popFirst() { fired.remove(oldest) }
        return true
    }

    /// The tick is not in the log: it and what came after it are fired later, as far as they are made up for.
    mutating func refused(_ id: EventID, of tick: Timestamp, at moment: Moment) {
        fired.remove(id.text)
        order.keep { $0 != id.text }
        let before = Timestamp(milliseconds: tick.milliseconds - 1)
        lastLook = min(lastLook ?? before, before)
        firstFiring = moment.uptime + Self.pause
    }

    /// Since when ticks are to be fired. Where the clock was set back, the last look lies ahead of it and says nothing: what was fired is known by its id.
    func lastLook(at now: Timestamp) -> Timestamp? {
        let oldest = Timestamp(milliseconds: now.milliseconds - Self.lookBack)
        return lastLook.map { $0 > now ? oldest : max($0, oldest) }
    }

    mutating func looked(at now: Timestamp) { lastLook = now }
}
