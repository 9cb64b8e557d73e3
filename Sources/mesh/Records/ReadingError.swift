import Kafka

extension KafkaError {
    /// Whether no waiting helps a reader without a group that gets this from `poll`: the login may not read the topic, the topic is gone, the client is done for.
    ///
    /// librdkafka looks for a group's coordinator all the same: that the login has no right to the group's name is nothing to such a reader.
    var endsReading: Bool { isFatal || !isRetriable && !isBrokersDown && name != "GROUP_AUTHORIZATION_FAILED" }
}
