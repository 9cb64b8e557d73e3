import CSQLite

/// Why SQLite did not do what it was asked.
struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
    /// SQLite's result code.
    let code: Int32
    let message: String

    var description: String { "\(message) (SQLite \(code))" }
    /// The file is not what we and SQLite wrote: damaged, or without our tables. So is whatever the machine is not to blame for: a damaged length, say, is
    /// told as a value that is too big.
    var isCorrupt: Bool { !Self.machine.contains(code) }
    /// The disk, its rights, the memory, and another process that has the file.
    private static let machine = [
        SQLITE_PERM, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_INTERRUPT,
        SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_PROTOCOL, SQLITE_NOLFS,
    ]
}

/// One SQLite file. Confined to the thread that opened it.
final class SQLiteDatabase {
    private let handle: OpaquePointer

    /// Opens or makes the file.
    init(path: String) throws(SQLiteError) {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
            sqlite3_close_v2(opened)
            throw SQLiteError(code: code, message: message)
        }
        handle = opened
    }

    deinit { sqlite3_close_v2(handle) }

    /// Runs statements that give no rows that matter.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        var made: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, sql, -1, &made, nil)
        guard code == SQLITE_OK, let made else { throw error(code) }
        return SQLiteStatement(made, of: self)
    }

    fileprivate func error(_ code: Int32) -> SQLiteError {
        SQLiteError(code: code & 0xFF, message: String(cString: sqlite3_errmsg(handle)))
    }
}

/// A prepared statement. It keeps its database open.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private let database: SQLiteDatabase
    /// Tells SQLite to copy what is bound (`SQLITE_TRANSIENT`, which Swift does not import).
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    fileprivate init(_ handle: OpaquePointer, of database: SQLiteDatabase) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// Begins anew with these values for `?1`, `?2`, ….
    @discardableResult
    func bind(_ values: SQLiteValue...) throws(SQLiteError) -> SQLiteStatement {
        sqlite3_reset(handle)
        for (place, value) in values.enumerated() {
            let index = Int32(place + 1)
            let code =
                switch value {
                case .integer(let number): sqlite3_bind_int64(handle, index, number)
                case .text(let text): sqlite3_bind_text(handle, index, text, -1, Self.copied)
                // A null pointer would bind NULL.
                case .bytes(let bytes) where bytes.isEmpty: sqlite3_bind_zeroblob(handle, index, 0)
                case .bytes(let bytes): sqlite3_bind_blob(handle, index, bytes, Int32(clamping: bytes.count), Self.copied)
                }
            guard code == SQLITE_OK else { throw database.error(code) }
        }
        return self
    }

    /// Goes to the next row; false at the end.
    func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            sqlite3_reset(handle)
            throw database.error(code)
        }
    }

    /// Runs it to its end.
    func run() throws(SQLiteError) {
        while try step() {}
        sqlite3_reset(handle)
    }

    func reset() { sqlite3_reset(handle) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func text(_ column: Int32) -> String { sqlite3_column_text(handle, column).map { String(cString: $0) } ?? "" }

    func bytes(_ column: Int32) -> [UInt8] {
        // Size after pointer, as SQLite asks for.
        guard let pointer = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: pointer, count: Int(sqlite3_column_bytes(handle, column))))
    }
}

/// What is bound to a statement.
enum SQLiteValue {
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
}
