import BotKit
import Synchronization

/// Spaces what goes out on each channel, so that a burst does not run into the other side's limit.
final class ChannelLimiter: Sendable {
    private let clock: any Clock<Duration>
    private let next = Mutex<[String: Duration]>([:])
    private let elapsed: @Sendable () -> Duration

    /// No call waits longer for its turn.
    static let maximumWait: Duration = .seconds(60)

    init<Time: Clock>(clock: Time = ContinuousClock()) where Time.Duration == Duration {
        self.clock = clock
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
    }

    /// Waits for the channel's turn. A transient failure when the queue before it is too long.
    func wait(for channel: NotificationChannel) async throws(CallFailure) {
        let now = elapsed()
        let turn: Duration? = next.withLock { next in
            let turn = max(next[channel.name] ?? now, now)
            guard turn - now <= Self.maximumWait else { return nil }
            next[channel.name] = turn + .seconds(1 / channel.ratePerSecond)
            return turn - now
        }
        guard let turn else {
            throw CallFailure(.transient, code: "channel-busy", message: "channel '\(channel.name)' has more to send than its rate allows")
        }
        guard turn > .zero else { return }
        try await pause(turn)
    }

    /// The other side asked for a pause: nothing goes out on the channel before it is over.
    func pushBack(_ channel: NotificationChannel, by duration: Duration) {
        let until = elapsed() + duration
        next.withLock { $0[channel.name] = max($0[channel.name] ?? until, until) }
    }

    func pause(_ duration: Duration) async throws(CallFailure) {
        do {
            try await clock.sleep(for: duration)
        } catch {
            throw CallFailure(.cancelled, code: "cancelled", message: "the notification was cancelled")
        }
    }
}
