import Envelopes
import Kafka
import MeshTesting
import Terminal
import Testing

@testable import mesh

/// What commands say to a login that may see a topic, and not read or write it.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RefusedAccessTests {
    private static func isRefusal(_ error: any Error) -> Bool { (error as? KafkaError)?.name == "TOPIC_AUTHORIZATION_FAILED" }

    @Test func whoMayNotReadIsToldSo() async throws {
        let topic = "secret.things"
        try await DedicatedThread.run(name: "refused-reading") {
            let settings = try SecuredBroker(topics: [topic], mayDo: [topic: [.describe]]).userSettings
            #expect { try LogScan(settings, topics: [topic]).read { _ in true } } throws: { Self.isRefusal($0) }

            let reader = try RecordReader(settings)
            defer { reader.close() }
            try reader.read(try RecordRange.resolve([TopicPartition(topic, 0)], from: .beginning, to: .end, reader.consumer))
            let deadline = ContinuousClock.now.advanced(by: .seconds(20))
            #expect {
                while !reader.isAtEnd, ContinuousClock.now < deadline { _ = try reader.next(timeout: .milliseconds(200)) }
            } throws: {
                Self.isRefusal($0)
            }

            for follows in [false, true] {
                let options = Tail.Options(
                    choice: try TopicChoice([topic]), from: .beginning, filter: RecordFilter(), follows: follows, maximum: 1,
                    line: TailLine(format: .json, style: Style(isColoured: false), showsHeaders: false))
                #expect { try Tail(settings, options, stop: StopSign()).run() } throws: { Self.isRefusal($0) }
            }
        }
    }
}
