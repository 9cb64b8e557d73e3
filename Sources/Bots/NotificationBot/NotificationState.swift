import BotKit
import Envelopes

/// What NotificationBot remembers of one matter, as long as it can come again or wait for a person.
public struct NotificationState: BotState {
    /// Unix milliseconds of the event that was told last; names the reminders that belong to it.
    var toldAt: Int64
    var title: String
    var text: String
    var severity: Severity
    /// Repeats since then that were not told.
    var suppressed = 0
    /// Channels that were asked to tell it.
    var channels: [String]
    var acknowledgedBy: String?
}
