import BrokerStorage
import KafkaProtocol

/// A whole broker: its data directory, topics, groups, transactions and connections, put together. Made, run and used on one thread; other threads go
/// through `BrokerAccess`.
public final class BrokerNode {
    public let configuration: BrokerConfiguration
    /// Lets tests make requests go wrong.
    public let faults: FaultInjector
    /// Told of every answered request, on the broker's thread.
    public var observe: (RequestFigures) -> Void = { _ in }
    let loop: EventLoop
    let store: LogStore
    let partitions: Partitions
    let registry: TopicRegistry
    let groups: GroupCoordinator
    let transactions: TransactionCoordinator
    let produce: ProduceAPI
    let fetch: FetchAPI
    let waiting: WaitingFetches
    let server: Server
    private let report: @Sendable (BrokerNotice) -> Void

    /// Between two looks at what is due in the data directory.
    private static let tickMs: Int64 = 100

    /// Opens the data directory, recovers what is in it, and listens; connections are served from `run` on.
    /// - Parameters:
    ///   - users: who may log in, from now on and without others; nil for those whom the data directory knows.
    ///   - report: what the operator should hear; from any thread.
    /// - Throws: `BrokerStartError`, with what to do.
    public init(
        configuration: BrokerConfiguration, directory: String, listen: ListenAddress, users: [User]? = nil,
        report: @escaping @Sendable (BrokerNotice) -> Void
    ) throws(BrokerStartError) {
        let parts = try BrokerParts(configuration: configuration, directory: directory, listen: listen, users: users, report: report)
        self.configuration = configuration
        self.report = report
        loop = parts.loop
        store = parts.store
        partitions = parts.partitions
        registry = parts.registry
        groups = parts.groups
        transactions = parts.transactions
        produce = parts.produce
        fetch = parts.fetch
        waiting = parts.waiting
        faults = parts.faults
        server = parts.server
        parts.processor.faults = parts.faults
        parts.processor.observe = { [unowned self] in observe($0) }
        tick()
    }

    /// The address that clients connect to, with the port that the system chose.
    public var address: ListenAddress { server.address }

    /// How other threads reach this broker.
    public var access: BrokerAccess { BrokerAccess(self) }

    /// Serves until `stop`; then everything is synced and the directory is marked as left in order.
    public func run() {
        loop.run()
        server.stop()
        store.close()
    }

    public func stop() { loop.stop() }

    /// Calls `action` on the broker's thread for each of these signals, which every thread of the process has to block.
    public func onSignals(_ numbers: [Int32], _ action: @escaping (Int32) -> Void) throws(NetworkError) {
        try loop.onSignals(numbers, action)
    }

    private func tick() {
        store.tick(now: loop.wallClock)
        loop.schedule(after: Self.tickMs) { [unowned self] in tick() }
    }
}

/// A way to a broker's thread for all other threads.
///
/// The proof for `@unchecked`: the node is touched only within what is posted to its loop, which runs on the broker's thread.
public struct BrokerAccess: @unchecked Sendable {
    private let node: BrokerNode
    private let mailbox: Mailbox

    init(_ node: BrokerNode) {
        self.node = node
        mailbox = node.loop.mailbox
    }

    /// Runs `body` on the broker's thread, soon. Any thread.
    public func perform(_ body: @escaping @Sendable (BrokerNode) -> Void) {
        mailbox.post { body(node) }
    }
}

/// What one answered request cost.
public struct RequestFigures: Sendable {
    public let api: APIKey
    /// From the whole request's arrival to its answer, waiting included.
    public let microseconds: Int64
    public let bytesIn: Int
    public let bytesOut: Int
}
