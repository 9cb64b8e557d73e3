import BotKit
import Envelopes
import Kafka
import Synchronization
import Telemetry

/// Reads, beside the group, what every replica must see at once: `mesh.control` from its beginning, and cancel signals from one hour back.
final class SignalReader: Sendable {
    /// A cancel may come before the run that it names has begun.
    static let lookBack: Int64 = 3_600_000

    /// After a reading that lasted for so many milliseconds a failure is a new one, and the next reading begins soon.
    private static let longReading: Int64 = 30_000

    /// While the engine has so many messages to take, of whatever kind, no more signals are read: an hour of cancels may be very many.
    static let mostWaiting = 1_000
    /// In milliseconds.
    private static let pauseWhenFull: Int64 = 10

    private let isClosed = Atomic<Bool>(false)

    /// Starts the thread.
    init(client: ClientSettings, contract: Contract, topics: TopicNames, mailbox: Mailbox, logger: Logger) {
        DedicatedThread.start(name: "control") { [self] in
            var pause: Int64 = 100
            while !isClosed.load(ordering: .relaxed) {
                let began = Moment.current.uptime
                do {
                    try read(client, contract, topics, mailbox, logger)
                } catch {
                    if Moment.current.uptime - began > Self.longReading { pause = 100 }
                    logger.warn("control and cancel signals cannot be read: \(error); again in \(pause) ms")
                    Pause.milliseconds(pause)
                    pause = min(pause * 2, 10_000)
                }
            }
        }
    }

    func close() { isClosed.store(true, ordering: .relaxed) }

    private func read(
        _ client: ClientSettings, _ contract: Contract, _ topics: TopicNames, _ mailbox: Mailbox, _ logger: Logger
    ) throws {
        let consumer = try Consumer(client, group: .none(reportsPartitionEnd: true), observer: .logging(logger))
        defer { consumer.close(timeout: .seconds(2)) }
        let codec = MeshCodec(catalogue: EventCatalogue(), topics: topics)
        let names = [ControlRecord.topic] + contract.cancels.map(\.type.name)
        var known: [String: Int] = [:]
        var looked: Int64?
        var lastWord = Int64.min / 2
        var control = ControlReading()
        var positions: [TopicPartition: StartOffset] = [:]
        while !isClosed.load(ordering: .relaxed) {
            guard mailbox.count < Self.mostWaiting else {
                Pause.milliseconds(Self.pauseWhenFull)
                continue
            }
            let now = Moment.current
            // Topics may be made, and grow, while we run.
            if looked.map({ now.uptime - $0 > 30_000 }) ?? true {
                looked = now.uptime
                let metadata = try consumer.metadata()
                var counts: [String: Int] = [:]
                for name in names { counts[name] = metadata.topics[name]?.partitions.count ?? 0 }
                if counts != known {
                    for (name, count) in counts where count > known[name] ?? 0 {
                        for number in (known[name] ?? 0)..<count {
                            let partition = TopicPartition(name, Int32(number))
                            if name == ControlRecord.topic {
                                positions[partition] = .beginning
                                control.begin(partition, try consumer.watermarks(of: partition))
                            } else {
                                // Before the offset is asked for: what comes in between lies behind this end.
                                let end = try consumer.watermarks(of: partition).high
                                let offset =
                                    try consumer.offsets(forTime: [partition: now.wall.milliseconds - Self.lookBack])[partition] ?? nil
                                positions[partition] = .at(offset ?? end)
                            }
                        }
                    }
                    known = counts
                    if !positions.isEmpty { try consumer.assign(positions) }
                }
            }
            if let wishes = control.news() { mailbox.put(.control(wishes)) }
            switch consumer.poll(timeout: .milliseconds(500)) {
            case .record(let record):
                positions[record.topicPartition] = .at(record.offset + 1)
                if record.topic == ControlRecord.topic {
                    control.read(record, change(record, contract, logger))
                } else {
                    cancel(record, contract, codec, mailbox, logger)
                }
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
    private func change(_ record: Record, _ contract: Contract, _ logger: Logger) -> (key: String, record: ControlRecord?)? {
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

    private func cancel(_ record: Record, _ contract: Contract, _ codec: MeshCodec, _ mailbox: Mailbox, _ logger: Logger) {
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
