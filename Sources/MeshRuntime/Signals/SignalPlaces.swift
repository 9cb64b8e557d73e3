import Envelopes
import Kafka

/// Which partitions a `SignalReader` reads, and how far it is: `mesh.control` from its beginning, the topics of cancel signals from one hour back.
struct SignalPlaces {
    /// A cancel may come before the run that it names has begun. In milliseconds, like all of these.
    private static let lookBack: Int64 = 3_600_000
    /// Topics may be made, and grow.
    private static let lookEvery: Int64 = 30_000
    /// While `mesh.control` is not there, it may be about to be made by whoever pauses the bot.
    private static let lookForControlEvery: Int64 = 5_000

    private let names: [String]
    /// How many partitions of each topic are read.
    private var counts: [String: Int] = [:]
    private var positions: [TopicPartition: StartOffset] = [:]
    /// On the monotonic clock; nil: never.
    private var looked: Int64?

    /// - Parameter signals: the topics of cancel signals.
    init(signals: [String]) { names = [ControlRecord.topic] + signals }

    /// Has the consumer read what is new since the last look, where one is due.
    mutating func look(at now: Moment, _ consumer: Consumer, _ control: inout ControlReading) throws {
        let every = counts[ControlRecord.topic] ?? 0 == 0 ? Self.lookForControlEvery : Self.lookEvery
        if let looked, now.uptime - looked <= every { return }
        looked = now.uptime
        let topics = try consumer.metadata().topics
        var isNew = false
        for name in names {
            let (known, count) = (counts[name] ?? 0, topics[name]?.partitions.count ?? 0)
            // One that was deleted, and is made anew, is begun anew.
            counts[name] = count
            for number in min(known, count)..<count {
                let partition = TopicPartition(name, Int32(number))
                positions[partition] =
                    name == ControlRecord.topic
                    ? try Self.beginning(of: partition, consumer, &control) : try Self.hourBack(partition, consumer, at: now)
                isNew = true
            }
        }
        if isNew { try consumer.assign(positions) }
    }

    private static func beginning(
        of partition: TopicPartition, _ consumer: Consumer, _ control: inout ControlReading
    ) throws -> StartOffset {
        control.begin(partition, try consumer.watermarks(of: partition))
        return .beginning
    }

    private static func hourBack(_ partition: TopicPartition, _ consumer: Consumer, at now: Moment) throws -> StartOffset {
        // Before the offset is asked for: what comes in between lies behind this end.
        let end = try consumer.watermarks(of: partition).high
        let offset = try consumer.offsets(forTime: [partition: now.wall.milliseconds - lookBack])[partition] ?? nil
        return .at(offset ?? end)
    }

    /// A record was read: a later assignment goes on behind it.
    mutating func passed(_ record: Record) { positions[record.topicPartition] = .at(record.offset + 1) }
}
