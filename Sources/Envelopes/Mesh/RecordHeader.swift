/// The headers that the mesh adds to a record on `retry.<bot>`, `inbox.<bot>` and `mesh.dlq`. Their meaning: `docs/wire-format.md`.
public enum RecordHeader {
    public static let originTopic = "kafka_dlt-original-topic"
    public static let originPartition = "kafka_dlt-original-partition"
    public static let originOffset = "kafka_dlt-original-offset"
    public static let originTimestamp = "kafka_dlt-original-timestamp"
    public static let originTimestampType = "kafka_dlt-original-timestamp-type"
    public static let originGroup = "kafka_dlt-original-consumer-group"
    public static let exceptionName = "kafka_dlt-exception-fqcn"
    public static let exceptionMessage = "kafka_dlt-exception-message"
    public static let exceptionTrace = "kafka_dlt-exception-stacktrace"
    public static let bot = "mesh_bot"
    public static let attempts = "mesh_attempts"
    public static let errorCode = "mesh_error_code"
    public static let firstFailure = "mesh_first_failure"
    public static let redrives = "mesh_redrives"
    public static let notBefore = "mesh_not_before"
    public static let produced = "mesh_produced"
    public static let reminder = "mesh_reminder"
    public static let reminderID = "mesh_reminder_id"
    public static let reminderAfter = "mesh_reminder_after"
    public static let aggregate = "mesh_aggregate"
    public static let priority = "mesh_priority"
    public static let overtaken = "mesh_overtaken"
    public static let key = "mesh_key"
    public static let keyIsNull = "mesh_key_is_null"
    /// Of a result that may come behind those of later inputs of its key: its input went through the retry topic, or it was written again behind others.
    public static let reordered = "mesh_reordered"

    /// Headers that only the bot's own topics have, or that a dead letter adds.
    public static let own: Set<String> = [
        originTopic, originPartition, originOffset, originTimestamp, originTimestampType, originGroup, exceptionName, exceptionMessage,
        exceptionTrace, bot, attempts, errorCode, firstFailure, redrives, notBefore, produced, reminder, reminderID, reminderAfter,
        aggregate, priority, overtaken, key, keyIsNull,
    ]

    /// Whether a header is one of them; of most headers their beginning tells.
    public static func isOwn(_ name: String) -> Bool { (name.hasPrefix("mesh_") || name.hasPrefix("kafka_")) && own.contains(name) }
}
