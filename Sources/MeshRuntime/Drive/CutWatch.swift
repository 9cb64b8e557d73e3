import Kafka

/// Finds partitions whose log was cut, or made anew, while this process read it: it ends below what was read, or the client has begun again where it begins.
///
/// What comes up to the old position then counts as read, and nobody would notice: there is no lag.
struct CutWatch {
    struct Look {
        var partition: TopicPartition
        var assignment: UInt64
        /// The offset after the last record that came; nil when none has come and none was committed.
        var next: Int64?
        /// Records came again that nobody had asked for: what had been read by then.
        var wentBackFrom: Int64?
    }

    /// What was read when the leaders were asked; nil: they have answered. An answer is never older than that.
    private var asked: [TopicPartition: (assignment: UInt64, next: Int64)]?
    private var short: [TopicPartition: (assignment: UInt64, end: Int64, times: Int)] = [:]

    /// A leader that has taken over a moment ago may not know yet how far its followers are: it has to say so twice.
    private static let enough = 2

    /// The leaders are asked for the ends.
    mutating func asks(_ looks: [Look]) {
        // A question that is still open is not put again.
        guard asked == nil else { return }
        asked = [:]
        for look in looks { if let next = look.next { asked?[look.partition] = (look.assignment, next) } }
    }

    /// The answer to what was asked last.
    mutating func heard(_ ends: [TopicPartition: Int64]) {
        guard let asked else { return }
        self.asked = nil
        // Of whom nothing is said nothing is known.
        var now = short.filter { ends[$0.key] == nil }
        for (partition, end) in ends {
            guard let (assignment, next) = asked[partition], end < next else { continue }
            let before = short[partition].flatMap { $0.assignment == assignment ? $0 : nil }
            now[partition] = (assignment, min(end, before?.end ?? end), (before?.times ?? 0) + 1)
        }
        short = now
    }

    /// Nil: nothing says that it was cut.
    func cut(_ look: Look) -> LogCut? {
        guard let next = look.next else { return nil }
        let told = short[look.partition].flatMap { $0.assignment == look.assignment ? $0 : nil }
        // The client begins again only where the log has ended below what it asked for, however far it has grown since.
        if let read = look.wentBackFrom { return LogCut(read: read, end: min(told?.end ?? .max, read - 1)) }
        guard let told, told.times >= Self.enough else { return nil }
        return LogCut(read: next, end: told.end)
    }
}
