/// What a client tells beside its results. Every closure may be called on any of librdkafka's threads, must be quick, and must not call the client.
public struct ClientObserver: Sendable {
    /// A log line of librdkafka. nil: librdkafka writes to standard error itself.
    public var log: (@Sendable (LogLine) -> Void)?
    /// librdkafka's statistics as JSON, each `statistics.interval.ms` (0, the default, is never); arrives while the client is polled.
    public var statistics: (@Sendable ([UInt8]) -> Void)?
    /// A client-wide error such as a lost broker; most mend themselves. Arrives while the client is polled.
    public var error: (@Sendable (KafkaError) -> Void)?

    public init(
        log: (@Sendable (LogLine) -> Void)? = nil, statistics: (@Sendable ([UInt8]) -> Void)? = nil,
        error: (@Sendable (KafkaError) -> Void)? = nil
    ) {
        self.log = log
        self.statistics = statistics
        self.error = error
    }

    /// One line of librdkafka's log.
    public struct LogLine: Sendable, Equatable {
        /// As syslog has it: 0 is an emergency, 3 an error, 4 a warning, 6 information, 7 debugging.
        public let level: Int32
        /// A short word such as `FAIL` or `REBALANCE`.
        public let facility: String
        public let message: String
    }
}
