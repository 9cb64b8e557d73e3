import Envelopes
import Kafka
import Telemetry

extension ClientObserver {
    /// librdkafka's lines through our logger. A lost connection mends itself: what it says of that is a warning at most.
    static func logging(_ logger: Logger) -> ClientObserver {
        ClientObserver(log: { line in
            let level: Logger.Level = line.level <= 4 ? .warn : .debug
            logger.log(level, "librdkafka: \(line.message)", [("facility", .string(line.facility))])
        })
    }
}
