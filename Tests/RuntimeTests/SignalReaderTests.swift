import BotKit
import Envelopes
import Kafka
import MeshTesting
import Telemetry
import Testing

@testable import MeshRuntime

/// Cancels beside the group, on a real broker.
@Suite struct SignalReaderTests {
    private static let count = 3 * SignalReader.mostWaiting

    /// An hour of them is read at the start, while the engine may be busy.
    @Test func manyCancelsWaitInTheirTopicAndNotInMemory() async throws {
        let broker = try await BrokerFixture.shared()
        let type = EventType(broker.uniqueName("signal").replacing("-", with: ".a"))
        try await broker.makeTopics([NewTopic(name: type.name, partitions: 1)])
        let topics = RuntimeSettings(bot: "WorkBot").topics
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: topics)
        var random = SystemRandomNumberGenerator()
        let records = try (0..<Self.count).map { number in
            try codec.outgoing(
                Envelope(
                    id: EventID(random: &random), timestamp: .now, source: "test", type: type,
                    payload: Array("{\"run\":\"\(number)\"}".utf8)),
                key: nil
            ).record
        }
        let settings = broker.settings
        try await DedicatedThread.run(name: "cancels") {
            let producer = try Producer(settings)
            defer { producer.close() }
            _ = try producer.sendAndWait(records)
        }
        let mailbox = Mailbox()
        let reader = SignalReader(
            client: broker.settings,
            contract: Contract(
                name: "WorkBot", summary: "For tests.", consumes: [], produces: [], cancels: [CancelSignal(type: type, runField: "run")]),
            topics: topics, mailbox: mailbox, logger: Logger(bot: "Test", level: .error))
        defer { reader.close() }
        try await eventually("so many to wait", within: .seconds(60)) { mailbox.count == SignalReader.mostWaiting }
        var runs: [String] = []
        try await eventually("all to come", within: .seconds(60)) {
            #expect(mailbox.count <= SignalReader.mostWaiting)
            while case .element(let message) = mailbox.take(limit: .zero) { if case .cancel(let run, _) = message { runs.append(run) } }
            return runs.count == Self.count
        }
        #expect(runs == (0..<Self.count).map(String.init))
    }
}
