import KafkaProtocol

/// A topic and the logs of its partitions. On the broker's thread.
final class Topic {
    let name: String
    let id: WireUUID
    /// The broker keeps its own state in it.
    let isInternal: Bool
    /// Which of its settings are its own, as text.
    private(set) var overrides: [String: String]
    private(set) var settings: TopicSettings
    /// By number.
    private(set) var logs: [any OpenPartition]

    var partitionCount: Int32 { Int32(logs.count) }

    init(name: String, id: WireUUID, overrides: [String: String], settings: TopicSettings, logs: [any OpenPartition]) {
        self.name = name
        self.id = id
        self.overrides = overrides
        self.settings = settings
        self.logs = logs
        isInternal = TopicName.isInternal(name)
    }

    func partition(_ index: Int32) -> TopicPartition { TopicPartition(name, index) }

    func log(_ index: Int32) -> (any OpenPartition)? { logs.indices.contains(Int(index)) ? logs[Int(index)] : nil }

    func add(_ more: [any OpenPartition]) { logs += more }

    func configure(_ overrides: [String: String], _ settings: TopicSettings) {
        self.overrides = overrides
        self.settings = settings
        for log in logs { log.apply(settings) }
    }
}

/// Why something cannot be done to a topic or another resource, in the words that the client gets.
struct ResourceError: Error, Sendable, Equatable {
    let code: ErrorCode
    let message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
