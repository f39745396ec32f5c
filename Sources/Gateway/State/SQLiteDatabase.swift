// SQLiteDatabase: one open database and its prepared statements: opening, running, reading rows. No
// tables are named here; those are StateStore's.

internal import Bytes
internal import CSQLite
internal import Glibc

/// One open database.
///
/// Confined to whoever holds it: one thread at a time.
final class SQLiteDatabase {
    /// A value of a row or a statement.
    enum Value {
        case null
        case integer(Int64)
        case text(String)
        case blob(Payload)
    }

    private let path: String
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]

    /// Opens the file at `path`, or makes it if `mayMake`; nobody else may have it open.
    ///
    /// Nothing is written before `beginWriting`.
    init(path: String, mayMake: Bool = true) throws(StateError) {
        self.path = path
        let hasLog = StateFolder.exists(path + "-wal")
        let flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mayMake ? SQLITE_OPEN_CREATE : 0)
        let status = sqlite3_open_v2(path, &handle, flags, nil)
        guard status == SQLITE_OK else { throw fault(status) }
        sqlite3_extended_result_codes(handle, 1)
        try run("PRAGMA locking_mode = EXCLUSIVE")
        // What an earlier run has left in the log stays there until writing begins.
        csqlite_keep_log_on_close(handle, hasLog ? 1 : 0)
    }

    /// Prepares for writing.
    func beginWriting() throws(StateError) {
        csqlite_keep_log_on_close(handle, 0)
        // The write-ahead log makes a commit one append and one fsync; FULL makes it that fsync.
        try run("PRAGMA journal_mode = WAL")
        try run("PRAGMA synchronous = FULL")
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Runs a statement; its rows go to `row`.
    ///
    /// A statement is prepared once and kept: `sql` is one of the few that stand in the source.
    func run(
        _ sql: String, _ values: [Value] = [], row: (Row) -> Void = { _ in }
    ) throws(StateError) {
        let statement = try prepare(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (place, value) in values.enumerated() { try bind(value, statement, Int32(place + 1)) }
        while true {
            let status = sqlite3_step(statement)
            switch status {
            case SQLITE_ROW: row(Row(statement: statement))
            case SQLITE_DONE: return
            default: throw fault(status)
            }
        }
    }

    /// Runs `body` as one transaction; nothing of it stays if it throws.
    func transaction(_ body: () throws(StateError) -> Void) throws(StateError) {
        try run("BEGIN IMMEDIATE")
        do throws(StateError) {
            try body()
            try run("COMMIT")
        } catch {
            // After a full disk SQLite may have rolled back by itself.
            if sqlite3_get_autocommit(handle) == 0 { try? run("ROLLBACK") }
            throw error
        }
    }

    private func prepare(_ sql: String) throws(StateError) -> OpaquePointer {
        if let known = statements[sql] { return known }
        var statement: OpaquePointer?
        let status = sqlite3_prepare_v3(
            handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard status == SQLITE_OK, let statement else { throw fault(status) }
        statements[sql] = statement
        return statement
    }

    private func bind(
        _ value: Value, _ statement: OpaquePointer, _ place: Int32
    ) throws(StateError) {
        let status: Int32
        switch value {
        case .null: status = sqlite3_bind_null(statement, place)
        case .integer(let number): status = sqlite3_bind_int64(statement, place, number)
        case .text(var text):
            status = text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    csqlite_bind_text(
                        statement, place, $0.baseAddress, Int32(clamping: $0.count))
                }
            }
        case .blob(let bytes):
            let raw = bytes.bytes
            status = csqlite_bind_blob(
                statement, place, raw.baseAddress, Int32(clamping: raw.count))
        }
        guard status == SQLITE_OK else { throw fault(status) }
    }

    private func fault(_ status: Int32) -> StateError {
        let reason =
            handle.map { String(cString: sqlite3_errmsg($0)) }
            ?? String(cString: sqlite3_errstr(status))
        switch status & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: return .inUse(path: path)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return .damaged(path: path, reason: reason)
        case SQLITE_FULL: return .diskFull(path: path)
        case SQLITE_CANTOPEN:
            return .failed(path: path, reason: "it cannot be opened\(systemReason)")
        case SQLITE_READONLY:
            return .failed(
                path: path, reason: "it cannot be written: the file or its folder is read-only")
        case SQLITE_IOERR:
            let code = handle.map { sqlite3_system_errno($0) } ?? 0
            if code == ENOSPC || code == EDQUOT { return .diskFull(path: path) }
            return .failed(path: path, reason: "it cannot be read or written\(systemReason)")
        default: return .failed(path: path, reason: reason)
        }
    }

    /// What the system said of the last operation that failed, after a colon; empty if nothing.
    private var systemReason: String {
        guard let handle, case let code = sqlite3_system_errno(handle), code != 0 else { return "" }
        return ": \(String(cString: strerror(code)))"
    }
}

extension SQLiteDatabase {
    /// One row of a result, valid while it is being looked at.
    struct Row {
        fileprivate let statement: OpaquePointer

        /// The whole number in column `column`, 0 for what is none.
        func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

        /// The whole number in column `column`, if it is not NULL.
        func optionalInteger(_ column: Int32) -> Int64? {
            sqlite3_column_type(statement, column) == SQLITE_NULL ? nil : integer(column)
        }

        /// The text in column `column`, empty for NULL.
        func text(_ column: Int32) -> String {
            sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
        }

        /// A copy of the bytes in column `column`, empty for NULL.
        func blob(_ column: Int32) -> [UInt8] {
            let bytes = sqlite3_column_blob(statement, column)
            let count = Int(sqlite3_column_bytes(statement, column))
            // SAFETY: SQLite says where the bytes are and how many, until the next step.
            return Array(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
        }
    }
}
