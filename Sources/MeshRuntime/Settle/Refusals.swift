import Kafka

extension KafkaError {
    /// The broker will never take this record: trying it again changes nothing.
    var isRecordRefused: Bool {
        isRecordTooLarge
            || [
                "TOPIC_AUTHORIZATION_FAILED", "INVALID_RECORD", "INVALID_MSG", "INVALID_MSG_SIZE", "POLICY_VIOLATION",
                "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC",
                "_UNKNOWN_PARTITION",
            ].contains(name)
    }
}
