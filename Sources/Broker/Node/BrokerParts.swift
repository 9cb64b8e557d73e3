import BrokerStorage
import KafkaProtocol

extension LogStore: Durability {}

/// The parts of a broker, made in the order in which they need each other.
struct BrokerParts {
    let loop: EventLoop
    let store: LogStore
    let partitions: Partitions
    let registry: TopicRegistry
    let groups: GroupCoordinator
    let transactions: TransactionCoordinator
    let produce: ProduceAPI
    let fetch: FetchAPI
    let waiting: WaitingFetches
    let faults: FaultInjector
    let processor: RequestProcessor
    let server: Server

    init(
        configuration: BrokerConfiguration, directory: String, listen: ListenAddress, users: [User]?,
        report: @escaping @Sendable (BrokerNotice) -> Void
    ) throws(BrokerStartError) {
        loop = try Self.attempt { () throws(NetworkError) in try EventLoop() }
        // Before anything is recovered: a port in use should not cost a recovery.
        let loop = loop
        let listener = try Self.attempt { () throws(NetworkError) in try Listener(listen) }
        let mailbox = loop.mailbox
        store = try Self.attempt { () throws(StorageError) in
            try LogStore(
                directory: directory, settings: StorageSettings(configuration), post: { mailbox.post($0) },
                report: { report(BrokerNotice($0)) })
        }
        partitions = Partitions(store: store, scheduler: loop)
        let metadata = MetadataLog(try Self.metadataLog(store, loop))
        let snapshot = try Self.attempt { () throws(MetadataError) in try metadata.load() }
        let security = try BrokerSecurity(configuration, metadata, snapshot, users: users)
        let authorizer = security.authorizer
        registry = TopicRegistry(metadata: metadata, store: partitions, configuration: configuration, random: SystemRandomNumberGenerator())
        let registry = registry
        try Self.attempt { () throws(MetadataError) in try registry.load(snapshot) }

        let endpoint = configuration.advertisedListener ?? BrokerEndpoint(host: listener.address.host, port: Int32(listener.address.port))
        groups = GroupCoordinator(
            log: try Self.stateLog(TopicName.consumerOffsets, partitions, loop), durability: store, scheduler: loop, authorizer: authorizer,
            settings: GroupSettings(configuration), hooks: Self.hooks(registry, partitions, endpoint, report))
        let participants = Participants(partitions: partitions, groups: groups, scheduler: loop)
        transactions = TransactionCoordinator(
            log: try Self.stateLog(TopicName.transactionState, partitions, loop), durability: store, scheduler: loop,
            authorizer: authorizer,
            participants: participants, settings: TransactionSettings(configuration), report: { report(BrokerNotice($0)) })
        let transactions = transactions
        groups.hooks.isTransactionOngoing = { [unowned transactions] id, producerID, epoch in
            transactions.isOngoing(id, producerID: producerID, epoch: epoch, partition: TransactionCoordinator.offsetsPartition)
        }
        try Self.load(groups, transactions, largestProducerID: Self.largestProducerID(store))
        transactions.abortOrphans(Self.openTransactions(store))
        registry.onTopicDeleted.append { [unowned groups] topic in groups.topicDeleted(topic.name) }

        produce = ProduceAPI(partitions: partitions, authorizer: authorizer, durability: store, scheduler: loop) { [unowned transactions] in
            transactions.verify($0, producerID: $1, epoch: $2, partition: $3)
        }
        waiting = WaitingFetches(scheduler: loop) { [unowned loop] in loop.afterThisTurn($0) }
        let waiting = waiting
        partitions.onAdvance = { waiting.advance($0) }
        fetch = FetchAPI(partitions: partitions, topics: registry, authorizer: authorizer, waiting: waiting)

        var dispatcher = Dispatcher()
        produce.register(in: &dispatcher)
        fetch.register(in: &dispatcher)
        OffsetsAPI(partitions: partitions, authorizer: authorizer, durability: store).register(in: &dispatcher)
        TopicAPI(registry: registry, authorizer: authorizer, durability: store, endpoint: endpoint).register(in: &dispatcher)
        ConfigAPI(registry: registry, authorizer: authorizer, durability: store).register(in: &dispatcher)
        groups.register(in: &dispatcher)
        transactions.register(in: &dispatcher)
        let sasl = security.register(in: &dispatcher, durability: store, scheduler: loop, report: report)
        dispatcher.registerAPIVersions()
        faults = FaultInjector(scheduler: loop)
        processor = RequestProcessor(dispatcher: dispatcher, sasl: sasl, microseconds: { loop.microseconds })
        let processor = processor
        server = try Self.attempt { () throws(NetworkError) in
            try Server(
                listener, loop: loop, processor: processor, settings: Server.Settings(configuration), report: { report(BrokerNotice($0)) })
        }
    }

    private static func attempt<Result, Failure: Error & CustomStringConvertible>(_ body: () throws(Failure) -> Result)
        throws(BrokerStartError) -> Result
    {
        do { return try body() } catch { throw BrokerStartError(error.description) }
    }

    private static func metadataLog(_ store: LogStore, _ loop: EventLoop) throws(BrokerStartError) -> PartitionStateLog {
        var settings = LogSettings()
        settings.cleanupPolicy = .compact
        settings.segmentBytes = 1 << 20
        settings.fileDeleteDelayMs = 1000
        let partition = TopicPartition(TopicName.clusterMetadata, 0)
        return try attempt { () throws(StorageError) in
            PartitionStateLog(
                try store.open(partition, topicID: WireUUID(high: 0, low: 1), settings: settings, now: loop.wallClock), scheduler: loop)
        }
    }

    private static func stateLog(_ topic: String, _ partitions: Partitions, _ loop: EventLoop) throws(BrokerStartError) -> PartitionStateLog
    {
        guard let log = partitions.log(TopicPartition(topic, 0)) else { throw BrokerStartError("there is no log of \(topic)") }
        return PartitionStateLog(log, scheduler: loop)
    }

    private static func hooks(
        _ registry: TopicRegistry, _ partitions: Partitions, _ endpoint: BrokerEndpoint,
        _ report: @escaping @Sendable (BrokerNotice) -> Void
    ) -> GroupHooks {
        GroupHooks(
            address: { _ in CoordinatorAddress(nodeID: BrokerEndpoint.nodeID, host: endpoint.host, port: endpoint.port) },
            partitionExists: { [unowned registry] in registry.exists($0) },
            endOffset: { [unowned partitions] in partitions.log($0)?.endOffset },
            makeUUID: {
                var random = SystemRandomNumberGenerator()
                return WireUUID.random(using: &random)
            },
            report: { report(BrokerNotice(.info, $0)) })
    }

    private static func load(_ groups: GroupCoordinator, _ transactions: TransactionCoordinator, largestProducerID: Int64)
        throws(BrokerStartError)
    {
        do throws(ErrorCode) {
            try groups.load()
            try transactions.load(largestProducerID: largestProducerID)
        } catch {
            throw BrokerStartError(
                "the broker's own state cannot be read (\(error)); restore the data directory, or name an empty --data-dir")
        }
    }

    private static func openTransactions(_ store: LogStore) -> [TransactionCoordinator.OpenTransaction] {
        store.logs.flatMap { partition, log in
            log.openTransactions.map {
                .init(partition: partition, producer: .init(id: $0.producerID, epoch: $0.epoch), firstOffset: $0.firstOffset)
            }
        }
    }

    private static func largestProducerID(_ store: LogStore) -> Int64 {
        store.logs.values.reduce(-1) { largest, log in log.activeProducers.reduce(largest) { max($0, $1.producerID) } }
    }
}
