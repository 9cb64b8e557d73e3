import Glibc
import KafkaProtocol
import Synchronization
import Testing

@testable import BrokerStorage

/// A store whose broker's thread is the test: what is posted runs when the test says so.
final class TestStore {
    private final class Posted: Sendable {
        let actions = Mutex<[@Sendable () -> Void]>([])
        let notices = Mutex<[StorageNotice]>([])
    }

    let directory: TestDirectory
    let store: LogStore
    private let posted = Posted()
    var now: Int64 = 1_700_000_000_000

    init(_ directory: TestDirectory, _ settings: StorageSettings = StorageSettings()) throws {
        self.directory = directory
        let posted = posted
        store = try LogStore(directory: directory.path + "/data", settings: settings) { action in
            posted.actions.withLock { $0.append(action) }
        } report: { notice in
            posted.notices.withLock { $0.append(notice) }
        }
    }

    convenience init(_ settings: StorageSettings = StorageSettings()) throws { try self.init(try TestDirectory(), settings) }

    static let topicID = WireUUID(high: 1, low: 2)

    func open(_ topic: String = "t", _ partition: Int32 = 0, _ settings: LogSettings = LogSettings()) throws -> PartitionLog {
        try store.open(TopicPartition(topic, partition), topicID: Self.topicID, settings: settings, now: now)
    }

    var notices: [StorageNotice] { posted.notices.withLock { $0 } }
    var cuts: [StorageNotice] { notices.filter { if case .cut = $0 { true } else { false } } }

    /// Runs what was posted, as the broker's thread does.
    func pump() {
        for action in posted.actions.withLock({ actions in
            defer { actions = [] }
            return actions
        }) { action() }
    }

    /// Pumps until the condition holds; the test fails when that takes longer than any disk.
    func pump(until holds: () -> Bool) throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(120))
        while !holds() {
            pump()
            try #require(ContinuousClock.now < deadline)
            usleep(100)
        }
    }

    /// Lets a round of syncs, with the manifest when asked to, run to its end.
    func sync(checkpoint: Bool = false) throws {
        try pump { store.round == nil }
        if checkpoint { for log in store.logs.values { _ = log.chooseCheckpoint(always: true) } }
        store.startRound(checkpoint: checkpoint)
        try pump { store.round == nil }
    }
}
