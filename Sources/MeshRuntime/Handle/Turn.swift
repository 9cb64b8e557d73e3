/// How long the bot is told of inputs before the loop looks at all else again: at what the broker wants, at signals, at what is to be settled. What is not
/// handled by then waits in its lane for the next turn.
struct Turn {
    /// On the monotonic clock.
    private var end = Int64.max
    private(set) var isOver = false

    mutating func begin(at uptime: Int64, limit: Int64) {
        end = uptime + limit
        isOver = false
    }

    /// The bot has been told of something, and came back at `uptime`.
    mutating func came(back uptime: Int64) { if uptime >= end { isOver = true } }
}
