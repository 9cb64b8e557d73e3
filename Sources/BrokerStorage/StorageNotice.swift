import KafkaProtocol

/// What an operator should hear of the data directory.
public enum StorageNotice: Sendable, Equatable, CustomStringConvertible {
    /// What stood after the last whole batch was cut off when the log was opened.
    case cut(TopicPartition, fromOffset: Int64, bytes: Int, reason: String)
    /// A file that follows from others was made anew.
    case rebuilt(path: String, reason: String)
    /// A read met bytes that are no batch.
    case damaged(TopicPartition, position: Int, reason: String)
    /// The partition takes no more data until the broker is started again.
    case failed(TopicPartition, StorageError)
    /// The log cannot be compacted for now, and grows; told once until it can be again.
    case uncleaned(TopicPartition, StorageError)
    /// Something failed that is tried again, or that nothing depends on.
    case troubled(StorageError)
    /// Producers' data are refused.
    case full(directory: String)
    case spaceAgain(directory: String)
    /// Data of no topic were moved out of the way.
    case orphaned(TopicPartition, path: String)

    public var description: String {
        switch self {
        case .cut(let partition, let offset, let bytes, let reason): "\(partition): cut \(bytes) bytes from offset \(offset) on: \(reason)"
        case .rebuilt(let path, let reason): "\(path) was made anew: \(reason)"
        case .damaged(let partition, let position, let reason): "\(partition): damaged at byte \(position): \(reason)"
        case .failed(let partition, let error): "\(partition) takes no more data: \(error); mend the disk and start the broker again"
        case .uncleaned(let partition, let error):
            "\(partition) was not compacted, and grows until it is: \(error); free space or mend the disk, it is tried again"
        case .troubled(let error): "\(error)"
        case .full(let directory): "the file system of \(directory) is full: producers are refused; free space or lower retention"
        case .orphaned(let partition, let path):
            "\(partition) belongs to no topic; its data were kept in \(path). If its topic was deleted, remove them; else the topic's record was lost"
        case .spaceAgain(let directory): "the file system of \(directory) has space again: producers are served"
        }
    }
}
