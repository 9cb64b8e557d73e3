import Kafka

extension ClientObserver {
    /// Keeps librdkafka's own lines off the terminal: what they say comes as an error too, and a screen must not be written over.
    static let quiet = ClientObserver(log: { _ in })
}
