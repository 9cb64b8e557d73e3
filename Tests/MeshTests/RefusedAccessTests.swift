import Envelopes
import Kafka
import MeshTesting
import Terminal
import Testing

@testable import mesh

/// What commands say to a login that may see a topic, and not read or write it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RefusedAccessTests {
    private static func isRefusal(_ error: any Error) -> Bool { (error as? KafkaError)?.name == "TOPIC_AUTHORIZATION_FAILED" }

    @Test func whoMayNotReadIsToldSo() async throws {
        let topic = "secret.things"
        try await DedicatedThread.run(name: "refused-reading") {
            let settings = try SecuredBroker(topics: [topic], mayDo: [topic: [.describe]]).userSettings
            #expect { try LogScan(settings, topics: [topic]).read { _ in true } } throws: { Self.isRefusal($0) }

            let reader = try RecordReader(settings)
            defer { reader.close() }
            try reader.read(try RecordRange.resolve([TopicPartition(topic, 0)], from: .beginning, to: .end, reader.consumer))
            let deadline = ContinuousClock.now.advanced(by: .seconds(60))
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

    @Test func whatTheAuditDoesNotTakeIsNotDone() async throws {
        let topics = [ControlRecord.topic, AuditRecord.topic]
        let target = Target(bot: "A", replica: nil)
        try await DedicatedThread.run(name: "refused-writing") {
            func attempt(_ operations: [String: [AccessRule.Operation]]) throws -> (message: String, records: [String: Int64]) {
                let broker = try SecuredBroker(topics: topics, mayDo: operations)
                var message = "done"
                do {
                    let writer = ControlWriter(settings: broker.userSettings, person: "ada")
                    _ = try writer.write([(target, .state(.paused))], over: Wishes())
                } catch let error as CommandFailure {
                    message = error.description
                }
                let consumer = try Consumer(broker.operatorSettings, group: .none())
                defer { consumer.close() }
                // Each topic began with one record.
                let written = try topics.map { ($0, try consumer.watermarks(of: TopicPartition($0, 0)).high - 1) }
                return (message, Dictionary(uniqueKeysWithValues: written))
            }
            let all: [AccessRule.Operation] = [.describe, .read, .write]
            let unaudited = try attempt([ControlRecord.topic: all, AuditRecord.topic: [.describe, .read]])
            #expect(unaudited.message.hasPrefix("nothing was done: the audit does not take it"))
            #expect(unaudited.records == [ControlRecord.topic: 0, AuditRecord.topic: 0])
            let undone = try attempt([ControlRecord.topic: [.describe], AuditRecord.topic: all])
            #expect(undone.message.hasPrefix("it was not done, as the audit says too: "), "\(undone.message)")
            #expect(undone.records == [ControlRecord.topic: 0, AuditRecord.topic: 2])
            let both = try attempt([ControlRecord.topic: all, AuditRecord.topic: all])
            #expect(both.message == "done" && both.records == [ControlRecord.topic: 1, AuditRecord.topic: 1])
        }
    }
}
