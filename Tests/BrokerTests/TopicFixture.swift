import BrokerStorage
import KafkaProtocol
import Testing

@testable import Broker

/// Partitions without files; `failure` makes opening fail.
final class MemoryPartitionStore: PartitionStore {
    final class Log: OpenPartition {
        let topicID: WireUUID
        private(set) var settings: TopicSettings

        init(topicID: WireUUID, settings: TopicSettings) {
            self.topicID = topicID
            self.settings = settings
        }

        func apply(_ settings: TopicSettings) { self.settings = settings }
    }

    private(set) var logs: [TopicPartition: Log] = [:]
    /// Opening this one fails.
    var failing: TopicPartition?

    var existingPartitions: [(partition: TopicPartition, topicID: WireUUID)] { logs.map { ($0.key, $0.value.topicID) } }

    func openPartition(_ partition: TopicPartition, topicID: WireUUID, settings: TopicSettings) throws(StorageError) -> any OpenPartition {
        if partition == failing { throw .full(path: partition.description) }
        let log = logs[partition].flatMap { $0.topicID == topicID ? $0 : nil } ?? Log(topicID: topicID, settings: settings)
        log.apply(settings)
        logs[partition] = log
        return log
    }

    func setAside(_ partition: TopicPartition) { logs[partition] = nil }
    func deletePartition(_ partition: TopicPartition) { logs[partition] = nil }
}

/// Random numbers that are the same in every run.
struct CountingGenerator: RandomNumberGenerator {
    private var last: UInt64 = 0
    mutating func next() -> UInt64 {
        last += 1
        return last
    }
}

/// Allows what is listed only.
final class RightsAuthorizer: Authorizer {
    private let allowed: Set<String>
    /// - Parameter allowed: e.g. `describe topic orders`, `create cluster kafka-cluster`.
    init(_ allowed: String...) { self.allowed = Set(allowed) }
    func allows(_ operation: ACLOperation, _ type: ACLResourceType, _ name: String, _ context: RequestContext) -> Bool {
        allowed.contains("\(operation) \(type) \(name)")
    }
}

/// The topics of a broker that has just started.
struct TopicFixture {
    let state = MemoryStateLog()
    let store = MemoryPartitionStore()
    let durability = ManualDurability()
    let registry: TopicRegistry
    let api: TopicAPI

    init(authorizer: any Authorizer = OpenAuthorizer(), _ configure: (inout BrokerConfiguration) -> Void = { _ in }) throws {
        var configuration = BrokerConfiguration()
        configure(&configuration)
        registry = try Self.start(state, store, configuration)
        api = TopicAPI(
            registry: registry, authorizer: authorizer, durability: durability, endpoint: BrokerEndpoint(host: "here", port: 9092))
    }

    static func start(_ state: MemoryStateLog, _ store: MemoryPartitionStore, _ configuration: BrokerConfiguration = BrokerConfiguration())
        throws -> TopicRegistry
    {
        let metadata = MetadataLog(state)
        let registry = TopicRegistry(metadata: metadata, store: store, configuration: configuration, random: CountingGenerator())
        try registry.load(try metadata.load())
        return registry
    }

    @discardableResult
    func create(_ name: String, partitions: Int32 = 1, _ overrides: [String: String] = [:]) throws -> Topic {
        try registry.create(name, partitions: partitions, overrides: overrides)
    }

    /// What a client that sends this in this version gets.
    func ask<Request: APIRequest>(_ request: Request, version: Int16? = nil) throws -> Request.Response {
        var dispatcher = Dispatcher()
        api.register(in: &dispatcher)
        ConfigAPI(registry: registry, authorizer: api.authorizer, durability: durability).register(in: &dispatcher)
        return try dispatcher.ask(request, version: version ?? Request.api.versions.upperBound)
    }
}

extension Dispatcher {
    /// Sends the request in its encoding, and reads the answer from its own.
    /// - Parameter settle: makes an answer come that does not come at once.
    func ask<Request: APIRequest>(_ request: Request, version: Int16, session: Session = Session(), settle: () -> Void = {}) throws
        -> Request.Response
    {
        let frame = MessageWriter.request(request, correlationID: 1, clientID: nil, version: version)
        let (header, reader) = try RequestHeader.read(Array(frame.flatMap { $0.inMemory }.dropFirst(4)))
        var bytes: [UInt8]?
        try dispatch(header, reader, RequestContext(version: version, session: session)) { parts in
            precondition(bytes == nil, "answered twice")
            bytes = parts?.flatMap { $0.inMemory }
        }
        settle()
        let isFlexible = Request.api.isFlexible(version)
        let hasTags = isFlexible && Request.api != .apiVersions
        var answer = MessageReader(try #require(bytes), from: hasTags ? 9 : 8, version: version, isFlexible: isFlexible)
        var response = Request.Response()
        try response.code(&answer)
        try answer.finish()
        return response
    }
}

extension MessageWriter.Part {
    fileprivate var inMemory: [UInt8] {
        switch self {
        case .bytes(let bytes): Array(bytes)
        case .file(let region): (try? region.bytes()) ?? []
        }
    }
}
