import CRdKafka

/// The library that everything here rests on.
public enum KafkaLibrary {
    /// Its version as it runs, e.g. `2.0.2`.
    public static var version: String { String(cString: rd_kafka_version_str()) }
}
