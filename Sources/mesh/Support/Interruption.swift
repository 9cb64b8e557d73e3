import Terminal

/// What Ctrl-C means for the exit status: the end of what only watches, and the loss of a part of all other work.
enum Interruption {
    /// Commands that go on until somebody ends them.
    private static let endless: Set<String> = ["top"]

    /// Whether being ended is how the command ends.
    static func isWatch(_ invocation: Invocation) -> Bool {
        switch invocation.command.name {
        case "up": !invocation.has("detach")
        case "kubernetes follow": !invocation.has("once")
        // It has an end of its own where it was told one.
        case "tail": !invocation.has("no-follow") && invocation["max"] == nil
        case let name: endless.contains(name) || invocation.has("watch")
        }
    }

    /// The exit status of a command that itself ended with `status`, after `signal` had come, if any did: 128 and the signal's number where work was cut short.
    ///
    /// A command that is cut short ends with 1. With 0 everything was done before the signal could change it; wrong use and a broker that is away stay what they are.
    static func status(_ status: Int32, of invocation: Invocation, signal: Int32?) -> Int32 {
        guard let signal, status == 1, !isWatch(invocation) else { return status }
        return 128 + signal
    }
}
