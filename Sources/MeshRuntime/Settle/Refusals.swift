import Kafka

extension KafkaError {
    /// The topic cannot be written at all, whatever the record: it is missing, or the bot may not.
    var isTopicRefused: Bool {
        ["TOPIC_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"].contains(name)
    }

    /// The broker will never take this record: trying it again changes nothing.
    var isRecordRefused: Bool {
        isRecordTooLarge || isTopicRefused || ["INVALID_RECORD", "INVALID_MSG", "INVALID_MSG_SIZE", "POLICY_VIOLATION"].contains(name)
    }

    /// The same, and the producer can go on.
    var isRefusal: Bool { isRecordRefused && !isRetriable && !isFatal }
}
