import Envelopes
import Kafka
import Testing

@testable import MeshRuntime

@Suite struct ControlReadingTests {
    private let partition = TopicPartition(ControlRecord.topic, 0)

    private func record(_ offset: Int64) -> Record { Record(topicPartition: partition, offset: offset, key: nil, value: nil) }

    private func wish(_ state: ControlRecord.State) -> ControlRecord { ControlRecord(bot: "WorkBot", state: state) }

    /// As after a lost connection, when the topic is read from its beginning again.
    @Test func aWishThatALaterOneTookBackIsNotTold() {
        var reading = ControlReading()
        reading.begin(partition, Watermarks(low: 0, high: 3))
        #expect(reading.news() == nil)
        reading.read(record(0), ("WorkBot", wish(.drained)))
        #expect(reading.news() == nil)
        reading.read(record(1), nil)
        #expect(reading.news() == nil)
        reading.read(record(2), ("WorkBot", wish(.running)))
        #expect(reading.news()?.mapValues(\.state) == ["WorkBot": .running])
        #expect(reading.news() == nil, "it is told once")
        reading.read(record(3), ("WorkBot/1", wish(.paused)))
        #expect(reading.news()?.mapValues(\.state) == ["WorkBot": .running, "WorkBot/1": .paused])
        reading.read(record(4), ("WorkBot/1", nil))
        #expect(reading.news()?.mapValues(\.state) == ["WorkBot": .running])
    }

    @Test func anEmptyTopicAsksForNothingAtOnce() {
        var reading = ControlReading()
        reading.begin(partition, Watermarks(low: 7, high: 7))
        #expect(reading.news() == [:])
    }

    /// The last offsets of a compacted topic may be there no more.
    @Test func theEndOfThePartitionEndsItsReading() {
        var reading = ControlReading()
        reading.begin(partition, Watermarks(low: 0, high: 9))
        reading.read(record(0), ("WorkBot", wish(.paused)))
        reading.reachedEnd(of: partition)
        #expect(reading.news()?.mapValues(\.state) == ["WorkBot": .paused])
    }

    /// A bot starts although nobody has made the topic; one that was told to pause goes on pausing.
    @Test func aMissingTopicAsksForNothingButTakesNothingBack() {
        var first = ControlReading()
        #expect(first.news() == [:])
        var again = ControlReading(mayBeMissing: false)
        #expect(again.news() == nil)
        again.begin(partition, Watermarks(low: 0, high: 1))
        #expect(again.news() == nil)
        again.read(record(0), ("WorkBot", wish(.paused)))
        #expect(again.news()?.mapValues(\.state) == ["WorkBot": .paused])
    }
}
