import BotKit
import Envelopes
import Kafka
import Synchronization
import Telemetry

/// Reads, beside the group, what every replica must see at once: `mesh.control` from its beginning, and cancel signals from one hour back.
final class SignalReader: Sendable {
    /// After a reading that lasted for so many milliseconds a failure is a new one, and the next reading begins soon.
    private static let longReading: Int64 = 30_000

    /// While the engine has so many messages to take, of whatever kind, no more signals are read: an hour of cancels may be very many.
    static let mostWaiting = 1_000
    /// In milliseconds.
    private static let pauseWhenFull: Int64 = 10

    private let client: ClientSettings
    private let contract: Contract
    private let topics: TopicNames
    private let mailbox: Mailbox
    private let logger: Logger
    private let isClosed = Atomic<Bool>(false)

    /// Starts the thread.
    init(client: ClientSettings, contract: Contract, topics: TopicNames, mailbox: Mailbox, logger: Logger) {
        self.client = client
        self.contract = contract
        self.topics = topics
        self.mailbox = mailbox
        self.logger = logger
        DedicatedThread.start(name: "control") { [self] in readOn() }
    }

    func close() { isClosed.store(true, ordering: .relaxed) }

    /// Reads until it is closed, anew after each failure.
    private func readOn() {
        var pause: Int64 = 100
        var hasTold = false
        while !isClosed.load(ordering: .relaxed) {
            let began = Moment.current.uptime
            do {
                try read(&hasTold)
            } catch {
                if Moment.current.uptime - began > Self.longReading { pause = 100 }
                logger.warn("control and cancel signals cannot be read: \(error); again in \(pause) ms")
                Pause.milliseconds(pause)
                pause = min(pause * 2, 10_000)
            }
        }
    }

    /// - Parameter hasTold: whether the engine knows what `mesh.control` asks of it.
    private func read(_ hasTold: inout Bool) throws {
        let consumer = try Consumer(client, group: .none(reportsPartitionEnd: true), observer: .logging(logger))
        defer { consumer.close(timeout: .seconds(2)) }
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: topics)
        var control = ControlReading(mayBeMissing: !hasTold)
        var places = SignalPlaces(signals: contract.cancels.map(\.type.name))
        var lastWord = Int64.min / 2
        while !isClosed.load(ordering: .relaxed) {
            guard mailbox.count < Self.mostWaiting else {
                Pause.milliseconds(Self.pauseWhenFull)
                continue
            }
            let now = Moment.current
            try places.look(at: now, consumer, &control)
            if let wishes = control.news() {
                mailbox.put(.control(wishes))
                hasTold = true
            }
            switch consumer.poll(timeout: .milliseconds(500)) {
            case .record(let record):
                places.passed(record)
                if record.topic == ControlRecord.topic { control.read(record, change(record)) } else { cancel(record, codec) }
            case .partitionEnd(let partition, _): control.reachedEnd(of: partition)
            case .error(let error):
                if error.isFatal { throw error }
                // A topic that may not be read says so each time that it is fetched.
                if now.uptime - lastWord >= Self.longReading {
                    lastWord = now.uptime
                    logger.warn("control and cancel signals: \(error)")
                }
            case nil: break
            }
        }
    }

    /// What a record of `mesh.control` changes for this bot.
    private func change(_ record: Record) -> (key: String, record: ControlRecord?)? {
        guard let key = record.key.map({ String(decoding: $0, as: UTF8.self) }),
            key == contract.name || key.hasPrefix("\(contract.name)/")
        else { return nil }
        do {
            return (key, try record.value.map { try JSONCoder.decode(from: $0) })
        } catch {
            logger.warn("\(record.topicPartition)@\(record.offset) is no control record and is left out: \(error)")
            return nil
        }
    }

    private func cancel(_ record: Record, _ codec: MeshCodec) {
        guard let signal = contract.cancels.first(where: { $0.type.name == record.topic }) else { return }
        do throws(Rejection) {
            let payload = try codec.payload(of: try codec.decode(record))
            guard let run = payload[signal.runField]?.string else { return }
            let reason = CallFailure(
                .cancelled, code: "cancelled", message: payload["reason"]?.string ?? Engine.cancelledByPerson.message,
                requestedBy: payload["requested_by"]?.string)
            mailbox.put(.cancel(run: run, reason))
        } catch {
            // The group reads the topic too, and dead-letters it.
            logger.warn("\(record.topicPartition)@\(record.offset) is no cancel signal and cancels nothing: \(error.message)")
        }
    }
}
