import KafkaProtocol

/// The rules for names of topics, which are names of directories too.
enum TopicName {
    static let consumerOffsets = "__consumer_offsets"
    static let transactionState = "__transaction_state"
    /// The log of `MetadataLog`; not a topic that anybody sees.
    static let clusterMetadata = "__cluster_metadata"

    private static let maximumLength = 249

    static func isInternal(_ name: String) -> Bool { name == consumerOffsets || name == transactionState }

    /// What is wrong with a name; nil when nothing is.
    static func fault(_ name: String) -> String? {
        if name.isEmpty { return "Topic name is invalid: the empty string is not allowed" }
        if name == "." || name == ".." { return "Topic name is invalid: '\(name)' is not allowed" }
        if name.utf8.count > maximumLength {
            return "Topic name is invalid: the length is \(name.utf8.count), and at most \(maximumLength) is allowed"
        }
        guard name.utf8.allSatisfy(isLegal) else {
            return "Topic name is invalid: '\(name)' has a character other than ASCII letters and digits, '.', '_' and '-'"
        }
        return nil
    }

    private static func isLegal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Names that are equal here would be one name in metrics, where a dot becomes an underscore: Kafka refuses the second of them.
    static func collisionKey(_ name: String) -> String { String(name.map { $0 == "." ? "_" : $0 }) }
}

extension TopicPartition {
    // The logs of the broker's own state.
    static let clusterMetadata = TopicPartition(TopicName.clusterMetadata, 0)
    static let consumerOffsets = TopicPartition(TopicName.consumerOffsets, 0)
    static let transactionState = TopicPartition(TopicName.transactionState, 0)
}
