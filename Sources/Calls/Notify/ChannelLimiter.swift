import BotKit
import Synchronization

/// Spaces what goes out on each channel, so that a burst does not run into the other side's limit.
final class ChannelLimiter: Sendable {
    private let clock: any Clock<Duration>
    private let channels = Mutex<[String: Channel]>([:])
    private let elapsed: @Sendable () -> Duration

    private struct Channel {
        /// When the next may go out.
        var next: Duration
        /// Until when the other side wants nothing.
        var pushedBack: Duration = .zero
    }

    /// No call waits longer for its turn.
    static let maximumWait: Duration = .seconds(60)

    init<Time: Clock>(clock: Time = ContinuousClock()) where Time.Duration == Duration {
        self.clock = clock
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
    }

    /// Waits for the channel's turn. A transient failure when that is too long: `rate-limited` where the other side wants nothing for so long, `channel-busy` where
    /// the queue before it is the reason.
    func wait(for channel: NotificationChannel) async throws(CallFailure) {
        let turn = try turn(of: channel)
        guard turn > .zero else { return }
        try await pause(turn)
    }

    private func turn(of channel: NotificationChannel) throws(CallFailure) -> Duration {
        let now = elapsed()
        return try channels.withLock { channels throws(CallFailure) in
            var known = channels[channel.name] ?? Channel(next: now)
            let turn = max(known.next, known.pushedBack, now)
            guard known.pushedBack - now <= Self.maximumWait else {
                throw CallFailure(.transient, code: "rate-limited", message: "channel '\(channel.name)' takes nothing for a while")
            }
            guard turn - now <= Self.maximumWait else {
                throw CallFailure(
                    .transient, code: "channel-busy", message: "channel '\(channel.name)' has more to send than its rate allows")
            }
            known.next = turn + .seconds(1 / channel.ratePerSecond)
            channels[channel.name] = known
            return turn - now
        }
    }

    /// The other side asked for a pause: nothing goes out on the channel before it is over.
    func pushBack(_ channel: NotificationChannel, by duration: Duration) {
        let now = elapsed()
        channels.withLock {
            var known = $0[channel.name] ?? Channel(next: now)
            known.pushedBack = max(known.pushedBack, now + duration)
            $0[channel.name] = known
        }
    }

    func pause(_ duration: Duration) async throws(CallFailure) {
        do {
            try await clock.sleep(for: duration)
        } catch {
            throw CallFailure(.cancelled, code: "cancelled", message: "the notification was cancelled")
        }
    }
}
