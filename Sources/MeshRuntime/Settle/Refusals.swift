import Kafka

extension KafkaError {
    /// The broker will never take this record, and the producer can go on.
    var isRefusal: Bool { isRecordRefused && !isRetriable && !isFatal }
}
