import BrokerStorage
import KafkaProtocol

/// Why the broker cannot start with the metadata that it finds.
enum MetadataError: Error, Equatable, CustomStringConvertible {
    case log(ErrorCode)
    case storage(StorageError)
    case record(offset: Int64, reason: String)
    case setting(topic: String, SettingError)
    /// Partitions lie in the data directory, and nothing says whose they are.
    case missing(partitions: Int)

    var description: String {
        switch self {
        case .log(let code): "the log \(TopicName.clusterMetadata) cannot be read or written (\(code))"
        case .storage(let error): error.description
        case .record(let offset, let reason):
            "\(TopicName.clusterMetadata)@\(offset): \(reason); start the broker that wrote it, or restore the data directory"
        case .setting(let topic, let error): "topic \(topic): \(error); start the broker that took this setting"
        case .missing(let partitions):
            "the data directory has \(partitions) partitions, and \(TopicName.clusterMetadata) is empty; restore it, or name an empty --data-dir"
        }
    }
}

/// All that the metadata log says at one time.
struct MetadataSnapshot {
    var cluster: ClusterRecord?
    var topics: [String: TopicRecord] = [:]
    /// By name.
    var users: [String: PasswordHash] = [:]
    /// By `ACLRecord.key`.
    var acls: [String: ACLBinding] = [:]
}

/// The state log with topics, ACLs and credentials: reads and writes its records. On the broker's thread.
///
/// A key is a `MetadataKind` and what names the thing; a value is a version and the fields of a record, in the protocol's flexible encoding.
final class MetadataLog {
    private static let version: Int16 = 0
    private let log: any StateLog

    init(_ log: any StateLog) { self.log = log }

    func put(_ kind: MetadataKind, _ name: String, _ record: some WireField) throws(ErrorCode) {
        try log.append([StateRecord(key: Self.key(kind, name), value: Self.value(record))])
    }

    /// Writes several records as one batch: all or none of them are kept. A name without a record is removed.
    func change(_ kind: MetadataKind, _ changes: [(name: String, record: (some WireField)?)]) throws(ErrorCode) {
        try log.append(changes.map { StateRecord(key: Self.key(kind, $0.name), value: $0.record.map { Self.value($0) }) })
    }

    func remove(_ kind: MetadataKind, _ name: String) throws(ErrorCode) {
        try log.append([StateRecord(key: Self.key(kind, name), value: nil)])
    }

    /// Reads the whole log.
    func load() throws(MetadataError) -> MetadataSnapshot {
        var snapshot = MetadataSnapshot()
        var failure: MetadataError?
        do {
            try log.replay { entry in
                guard failure == nil, case .record(let record, _, let offset, _) = entry else { return }
                do throws(WireError) {
                    try Self.apply(record, to: &snapshot)
                } catch {
                    failure = .record(offset: offset, reason: error.description)
                }
            }
        } catch {
            throw .log(error)
        }
        if let failure { throw failure }
        return snapshot
    }

    private static func apply(_ record: StateRecord, to snapshot: inout MetadataSnapshot) throws(WireError) {
        guard let first = record.key.first, let kind = MetadataKind(rawValue: first) else {
            throw WireError("a record of a kind that this broker does not know", at: 0)
        }
        guard let name = String(validating: record.key.dropFirst(), as: UTF8.self) else { throw WireError("a name is not UTF-8", at: 1) }
        switch kind {
        case .cluster: snapshot.cluster = try read(record.value)
        case .topic: snapshot.topics[name] = try read(record.value)
        case .user:
            let user: UserRecord? = try read(record.value)
            if let user { snapshot.users[name] = try PasswordHash(user) } else { snapshot.users[name] = nil }
        case .acl:
            let acl: ACLRecord? = try read(record.value)
            if let acl { snapshot.acls[name] = try ACLBinding(acl) } else { snapshot.acls[name] = nil }
        }
    }

    private static func key(_ kind: MetadataKind, _ name: String) -> [UInt8] { [kind.rawValue] + Array(name.utf8) }

    private static func value(_ record: some WireField) -> [UInt8] {
        var writer = MessageWriter(version: version, isFlexible: true)
        var version = version
        var record = record
        writer.int16(&version)
        // Writing throws nothing: the protocol's throws are the reader's.
        do { try record.code(&writer) } catch { preconditionFailure("a metadata record cannot be written: \(error)") }
        return writer.finish().flatMap { part -> [UInt8] in
            if case .bytes(let bytes) = part { Array(bytes) } else { [] }
        }
    }

    /// nil for a record without a value.
    private static func read<Record: WireField>(_ value: [UInt8]?) throws(WireError) -> Record? {
        guard let value else { return nil }
        var reader = MessageReader(value, version: version, isFlexible: true)
        var found: Int16 = 0
        try reader.int16(&found)
        guard found == version else { throw WireError("version \(found) of a record, and \(version) is the newest known", at: 0) }
        var record = Record()
        try record.code(&reader)
        try reader.finish()
        return record
    }
}
