import CSQLite
import Glibc
import Kafka
import Synchronization
import Telemetry

/// The local copies of a bot's state partitions. What goes wrong with them costs the copies, never work. Confined to the restore thread.
///
/// A file that cannot be read is thrown away and made anew; one that cannot be written (a full disk) is left as it is for a while.
final class Snapshots {
    /// Where the file is and what it is a copy of.
    struct Place: Sendable {
        /// Of the bot's instances on this machine.
        var directory: String
        var instance: String
        var topic: String
        var clusterID: String
        /// Of 4 KiB; for tests of a full disk.
        var maximumPages: Int?

        var file: String { "\(directory)/\(instance).sqlite" }
    }

    private let place: Place
    private let logger: Logger
    private let failures: SnapshotFailures
    private var store: SnapshotStore?
    /// After a failure to write: not again before this time of the monotonic clock.
    private var resumeAt: Int64 = .min
    /// The bytes of one write, at most, and its records.
    private static let batch = (records: 5_000, bytes: 4 << 20)
    private static let pause: Int64 = 60_000
    /// When the reading at hand began, in milliseconds since 1970-01-01T00:00:00Z.
    private var readingBegan: Int64 = 0
    /// By partition the offset at which a copy ends whose record was compacted away, and that others have proven: loading it again would prove no more.
    private var proven: [Int32: Int64] = [:]
    /// A write of the reading at hand failed: what follows would leave a gap.
    private(set) var hasGap = false
    private var pending: [Int32: [Record]] = [:]
    private var pendingBytes = 0
    private var pendingCount = 0

    init(_ place: Place, logger: Logger, failures: SnapshotFailures) {
        self.place = place
        self.logger = logger
        self.failures = failures
    }

    /// Whether copies may be written now.
    func canWrite(at uptime: Int64) -> Bool { uptime >= resumeAt }

    /// The copy of a partition; nil when there is none that can be used.
    func load(_ number: Int32, low: Int64) -> SnapshotStore.Contents? {
        attempt("read") { store throws(SQLiteError) in try store.load(number, low: low) } ?? nil
    }

    func head(_ number: Int32) -> SnapshotStore.Head? {
        attempt("read") { store throws(SQLiteError) in try store.head(number) } ?? nil
    }

    func proves(_ number: Int32, _ anchor: SnapshotStore.Anchor) { proven[number] = anchor.offset }

    func isProven(_ number: Int32, _ anchor: SnapshotStore.Anchor) -> Bool { proven[number] == anchor.offset }

    /// A reading begins, which carries the copies on.
    func begin(at time: Int64) {
        readingBegan = time
        hasGap = false
        pending = [:]
        (pendingBytes, pendingCount) = (0, 0)
    }

    /// The reading has reached the ends of these partitions.
    func confirm(_ numbers: some Collection<Int32>) {
        for number in numbers where !hasGap {
            _ = attempt("written") { store throws(SQLiteError) in try store.confirm(number, at: readingBegan) }
        }
    }

    /// Takes a record that follows the copy's anchor and what was taken before; written by `flush`, or before it when much has come together.
    func take(_ record: Record) {
        guard !hasGap else { return }
        pending[record.partition, default: []].append(record)
        pendingBytes += (record.key?.count ?? 0) + (record.value?.count ?? 0)
        pendingCount += 1
        if pendingCount >= Self.batch.records || pendingBytes >= Self.batch.bytes { flush() }
    }

    func flush() {
        let records = pending
        pending = [:]
        (pendingBytes, pendingCount) = (0, 0)
        for (number, records) in records.sorted(by: { $0.key < $1.key }) where !hasGap {
            _ = attempt("written") { store throws(SQLiteError) in try store.apply(records, to: number, at: readingBegan) }
        }
    }

    /// Throws the copy of a partition away.
    func drop(_ number: Int32, because reason: String) {
        logger.warn("the copy of \(place.topic)[\(number)] does not fit the topic: \(reason); it is made anew")
        failures.note()
        pending[number] = nil
        proven[number] = nil
        _ = attempt("written") { store throws(SQLiteError) in try store.remove(number) }
    }

    private func attempt<Value>(_ what: String, _ body: (SnapshotStore) throws(SQLiteError) -> Value) -> Value? {
        do throws(SQLiteError) {
            return try body(try opened())
        } catch {
            failed(what, error)
            return nil
        }
    }

    private func opened() throws(SQLiteError) -> SnapshotStore {
        if let store { return store }
        mkdir(place.directory, 0o750)
        let made: SnapshotStore
        do throws(SQLiteError) {
            made = try open()
        } catch {
            guard isDamage(error) else { throw error }
            discard(error)
            made = try open()
        }
        if let dropped = made.dropped {
            failures.note()
            logger.warn("\(place.file) is no copy of \(place.topic): \(dropped); it is made anew")
        }
        store = made
        return made
    }

    private func open() throws(SQLiteError) -> SnapshotStore {
        try SnapshotStore(path: place.file, clusterID: place.clusterID, topic: place.topic, maximumPages: place.maximumPages)
    }

    /// A damaged header can say that the file is not to be written; its rights say whether that is so.
    private func isDamage(_ error: SQLiteError) -> Bool {
        error.isCorrupt || error.code == SQLITE_READONLY && access(place.file, W_OK) == 0
    }

    private func failed(_ what: String, _ error: SQLiteError) {
        hasGap = true
        if isDamage(error) { return discard(error) }
        failures.note()
        logger.warn(
            "\(place.file) cannot be \(what): \(error); the next start reads more of \(place.topic), and it is tried again in a minute")
        store = nil
        resumeAt = Moment.current.uptime + Self.pause
    }

    /// The file is damaged: it is thrown away, and the next use makes it anew.
    private func discard(_ error: SQLiteError) {
        failures.note()
        logger.warn("\(place.file) is damaged: \(error); it is thrown away and made anew from \(place.topic)")
        store = nil
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(place.file + suffix) }
    }
}

/// Counts copies that could not be written, read or used. Any thread.
final class SnapshotFailures: Sendable {
    private let counter = Atomic<Int>(0)
    var count: Int { counter.load(ordering: .relaxed) }
    func note() { counter.add(1, ordering: .relaxed) }
}
