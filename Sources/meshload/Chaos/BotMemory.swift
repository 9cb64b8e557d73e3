/// The most memory that the bot of each slot has had since the run began, as far as anybody looked.
struct BotMemory {
    /// In megabytes, by slot.
    private(set) var peaks: [Int: Double] = [:]
    /// How often in a row a process that runs could not be read, by its id.
    private var unread: [Int32: Int] = [:]
    /// One that ends is there for a moment, and has no memory any more.
    private static let unreadAtMost = 5

    /// Notes what was read of a process that runs; nil: nothing. Whether that has come to be a trouble.
    mutating func note(_ megabytes: Double?, of slot: Int, process: Int32) -> Bool {
        guard let megabytes else {
            unread[process, default: 0] += 1
            return unread[process] == Self.unreadAtMost
        }
        unread[process] = nil
        peaks[slot] = max(megabytes, peaks[slot] ?? 0)
        return false
    }

    /// What the kernel says of a process; nil where it says nothing.
    static func peak(of process: Int32) -> Double? { (try? ProcessMemory(of: process)).map { Double($0.highest) * 1_024 / 1e6 } }
}
