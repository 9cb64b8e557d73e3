import Kafka

/// A copy of partitions of a state topic in one SQLite file: key → value, and up to which record of the topic each is valid. Confined to one thread.
///
/// Every entry has a digest, and every partition the sum of its entries' digests: a file that was changed or lost a part is found out when it is loaded.
final class SnapshotStore {
    /// The last record that a partition's copy contains.
    struct Anchor: Equatable, Sendable {
        let offset: Int64
        /// Milliseconds since 1970-01-01T00:00:00Z, as the record has them.
        let timestamp: Int64
        let keyDigest: UInt64

        init(_ record: Record) {
            self.init(offset: record.offset, timestamp: record.timestamp.milliseconds, keyDigest: Digest.of(record.key ?? []))
        }

        fileprivate init(offset: Int64, timestamp: Int64, keyDigest: UInt64) {
            self.offset = offset
            self.timestamp = timestamp
            self.keyDigest = keyDigest
        }
    }

    /// How far the copy of a partition goes.
    struct Head: Sendable {
        let anchor: Anchor
        /// When the whole partition was last read, or its first reading began: milliseconds since 1970-01-01T00:00:00Z.
        let fresh: Int64
    }

    /// The copy of one partition.
    struct Contents: Sendable {
        var head: Head
        var entries: [[UInt8]: [UInt8]]
        /// The records of the youngest entries, for a comparison with the topic; at most `SnapshotStore.samples`.
        var samples: [Anchor]
    }

    static let samples = 8
    /// Of the tables. A file of another one is made anew.
    private static let format: Int64 = 1

    private let database: SQLiteDatabase
    /// Why an earlier content was thrown away at the opening; nil: it was not.
    let dropped: String?

    /// Opens or makes the file.
    /// - Parameter maximumPages: of 4 KiB; for tests of a full disk.
    init(path: String, clusterID: String, topic: String, maximumPages: Int? = nil) throws(SQLiteError) {
        database = try SQLiteDatabase(path: path)
        // Exclusive: one process a file, and no shared memory beside it.
        try database.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1024")
        if let maximumPages { try database.execute("PRAGMA max_page_count=\(maximumPages)") }
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS origin (format INTEGER, cluster TEXT, topic TEXT);
            CREATE TABLE IF NOT EXISTS partitions
                (number INTEGER PRIMARY KEY, anchor INTEGER, timestamp INTEGER, key_digest INTEGER, entries INTEGER, digest INTEGER, fresh INTEGER);
            CREATE TABLE IF NOT EXISTS entries
                (number INTEGER, key BLOB, value BLOB, record INTEGER, timestamp INTEGER, digest INTEGER, PRIMARY KEY (number, key)) WITHOUT ROWID
            """)
        dropped = try Self.claim(database, clusterID, topic)
    }

    /// Makes the file this topic's: what is of another origin is thrown away, and why is told.
    private static func claim(_ database: SQLiteDatabase, _ clusterID: String, _ topic: String) throws(SQLiteError) -> String? {
        let read = try database.prepare("SELECT format, cluster, topic FROM origin")
        var problem: String?
        if try read.step() {
            if read.integer(0) != format {
                problem = "it has the format \(read.integer(0))"
            } else if read.text(1) != clusterID {
                problem = "it belongs to the cluster \(read.text(1)), not to \(clusterID)"
            } else if read.text(2) != topic {
                problem = "it belongs to \(read.text(2))"
            } else {
                read.reset()
                return nil
            }
        }
        read.reset()
        try database.execute("BEGIN IMMEDIATE; DELETE FROM origin; DELETE FROM partitions; DELETE FROM entries")
        try database.prepare("INSERT INTO origin VALUES (?1, ?2, ?3)").bind(.integer(format), .text(clusterID), .text(topic)).run()
        try database.execute("COMMIT")
        return problem
    }

    /// The copy of a partition without what the topic no longer has: entries of records below `low`. Nil when there is none.
    func load(_ number: Int32, low: Int64) throws(SQLiteError) -> Contents? {
        let head = try database.prepare("\(Self.selectHead), entries, digest FROM partitions WHERE number = ?1")
        try head.bind(.integer(Int64(number)))
        guard try head.step() else { return nil }
        var contents = Contents(head: Self.head(in: head), entries: [:], samples: [])
        let (count, total) = (head.integer(4), UInt64(bitPattern: head.integer(5)))
        head.reset()
        var sum: UInt64 = 0
        var seen: Int64 = 0
        var isWhole = true
        let rows = try database.prepare("SELECT key, value, record, timestamp, digest FROM entries WHERE number = ?1")
        try rows.bind(.integer(Int64(number)))
        while try rows.step() {
            let (key, value) = (rows.bytes(0), rows.bytes(1))
            let (record, timestamp) = (rows.integer(2), rows.integer(3))
            let digest = Digest.of(key, value, record, timestamp)
            // What stands there is taken off the sum when the entry is replaced: a wrong one would be found only then.
            isWhole = isWhole && digest == UInt64(bitPattern: rows.integer(4))
            sum &+= digest
            seen += 1
            guard record >= low else { continue }
            contents.entries[key] = value
            contents.note(Anchor(offset: record, timestamp: timestamp, keyDigest: Digest.of(key)))
        }
        guard isWhole, seen == count, sum == total else {
            throw SQLiteError(code: 11, message: "the copy of partition \(number) is damaged")
        }
        return contents
    }

    /// How far the copy of a partition goes; nil when there is none.
    func head(_ number: Int32) throws(SQLiteError) -> Head? {
        let row = try database.prepare("\(Self.selectHead) FROM partitions WHERE number = ?1").bind(.integer(Int64(number)))
        guard try row.step() else { return nil }
        defer { row.reset() }
        return Self.head(in: row)
    }

    private static let selectHead = "SELECT anchor, timestamp, key_digest, fresh"

    private static func head(in row: SQLiteStatement) -> Head {
        let anchor = Anchor(offset: row.integer(0), timestamp: row.integer(1), keyDigest: UInt64(bitPattern: row.integer(2)))
        return Head(anchor: anchor, fresh: row.integer(3))
    }

    /// The whole of a partition was read by a reading that began at `time`: whatever was deleted before is deleted here.
    func confirm(_ number: Int32, at time: Int64) throws(SQLiteError) {
        try database.prepare("UPDATE partitions SET fresh = ?2 WHERE number = ?1").bind(.integer(Int64(number)), .integer(time)).run()
    }

    /// Carries a partition's copy on by the records that follow its anchor, in their order: all of them or, when it throws, none.
    /// - Parameter time: when the reading began; it counts for a partition without a copy.
    func apply(_ records: [Record], to number: Int32, at time: Int64) throws(SQLiteError) {
        guard let last = records.last else { return }
        try database.execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            try write(records, Anchor(last), number, at: time)
            try database.execute("COMMIT")
        } catch {
            // After some errors SQLite has rolled back by itself; then this one says so, which is no news.
            try? database.execute("ROLLBACK")
            throw error
        }
    }

    private func write(_ records: [Record], _ anchor: Anchor, _ number: Int32, at time: Int64) throws(SQLiteError) {
        let place = SQLiteValue.integer(Int64(number))
        let head = try database.prepare("SELECT entries, digest, fresh FROM partitions WHERE number = ?1").bind(place)
        var (count, sum, fresh): (Int64, UInt64, Int64) = (0, 0, time)
        if try head.step() { (count, sum, fresh) = (head.integer(0), UInt64(bitPattern: head.integer(1)), head.integer(2)) }
        head.reset()
        var latest: [[UInt8]: Record] = [:]
        for record in records { if let key = record.key { latest[key] = record } }
        let find = try database.prepare("SELECT digest FROM entries WHERE number = ?1 AND key = ?2")
        let remove = try database.prepare("DELETE FROM entries WHERE number = ?1 AND key = ?2")
        let insert = try database.prepare("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        // In the records' order, so that equal records make equal files.
        for record in records {
            guard let key = record.key, latest[key]?.offset == record.offset else { continue }
            try find.bind(place, .bytes(key))
            if try find.step() {
                count -= 1
                sum &-= UInt64(bitPattern: find.integer(0))
            }
            find.reset()
            guard let value = record.value else {
                try remove.bind(place, .bytes(key)).run()
                continue
            }
            let digest = Digest.of(key, value, record.offset, record.timestamp.milliseconds)
            try insert.bind(
                place, .bytes(key), .bytes(value), .integer(record.offset), .integer(record.timestamp.milliseconds),
                .integer(Int64(bitPattern: digest))
            ).run()
            count += 1
            sum &+= digest
        }
        try database.prepare("INSERT OR REPLACE INTO partitions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)").bind(
            place, .integer(anchor.offset), .integer(anchor.timestamp), .integer(Int64(bitPattern: anchor.keyDigest)), .integer(count),
            .integer(Int64(bitPattern: sum)), .integer(fresh)
        ).run()
    }

    /// Forgets the copy of a partition.
    func remove(_ number: Int32) throws(SQLiteError) {
        try database.execute(
            "BEGIN IMMEDIATE; DELETE FROM entries WHERE number = \(number); DELETE FROM partitions WHERE number = \(number); COMMIT")
    }
}

extension SnapshotStore.Contents {
    /// Keeps the youngest ones.
    fileprivate mutating func note(_ sample: SnapshotStore.Anchor) {
        if samples.count == SnapshotStore.samples, let oldest = samples.last, oldest.offset >= sample.offset { return }
        samples.insert(sample, at: samples.partitionPoint { $0.offset < sample.offset })
        if samples.count > SnapshotStore.samples { samples.removeLast() }
    }
}

/// FNV-1a of 64 bits: finds accidents, not intent. Source: the IETF draft draft-eastlake-fnv.
enum Digest {
    private static let basis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let prime: UInt64 = 0x0000_0100_0000_01b3

    static func of(_ bytes: [UInt8], from start: UInt64 = basis) -> UInt64 {
        bytes.withUnsafeBufferPointer { $0.reduce(start) { ($0 ^ UInt64($1)) &* prime } }
    }

    /// Of an entry. The length of the key tells where the value begins.
    static func of(_ key: [UInt8], _ value: [UInt8], _ offset: Int64, _ timestamp: Int64) -> UInt64 {
        var digest = of(key, from: of(bytes(Int64(key.count))))
        digest = of(value, from: digest)
        return of(bytes(timestamp), from: of(bytes(offset), from: digest))
    }

    private static func bytes(_ number: Int64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
}
