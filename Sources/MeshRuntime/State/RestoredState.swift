import BotKit
import Kafka

/// What a state topic says of one of the partitions that are handled, taken apart on the restore thread: there may be very much of it.
struct RestoredState: Sendable {
    /// Of runs under way, by the offsets of their records.
    private(set) var journals: [Int64: [UInt8]] = [:]
    /// Where records lie that were settled other than done, ascending.
    private(set) var notes: [Int64] = []
    /// By aggregate; of an inbox alone.
    private(set) var states: [Aggregate: any BotState] = [:]
    /// States that are none of the bot's.
    private(set) var unreadable = 0

    /// Takes what belongs to `partition` of what stands in its partition of the state topic.
    init(_ entries: [(key: StateKey, value: [UInt8])], of partition: TopicPartition, isInbox: Bool, bot: any Bot) {
        for (key, value) in entries {
            switch key {
            case .journal(partition.topic, partition.partition, let offset): journals[offset] = value
            case .notDone(partition.topic, partition.partition, let offset): notes.append(offset)
            case .state(let aggregate) where isInbox:
                do { states[aggregate] = try bot.decodeState(value) } catch { unreadable += 1 }
            default: break
            }
        }
        notes.sort()
    }
}
