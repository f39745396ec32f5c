// StateIdentity: whose database a file is. Asked before the first byte is written to it: the header
// of the file says most, its tables the rest.
//
//     application_id   "SBOX"; 0 in states of before it was set
//     user_version     the format of the tables; 0 likewise

internal import Bytes
internal import Glibc

/// Tells states of ours from the databases of others.
///
/// Any thread; it blocks.
enum StateIdentity {
    /// Marks a SQLite database as a state of Signalbox: "SBOX".
    static let application: Int64 = 0x5342_4F58

    /// Version of the tables.
    static let format: Int64 = 1

    /// Tables of a state, by name.
    static let tables = ["events", "facts", "losses", "timers"]

    /// Most tables of a stranger that a message names.
    private static let namedTables = 5

    /// Bytes of the header of a SQLite database (file format §1.3).
    private static let headerSize = 100

    /// Checks the header of the file at `path` without SQLite, which would write to what it takes
    /// for an interrupted database; a file that is not there or empty is one to begin with.
    ///
    /// - Throws: `StateError`.
    static func checkHeader(_ path: String) throws(StateError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return }
            throw .unusable(path: path, reason: "it cannot be read: \(errnoText())")
        }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: headerSize)
        let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else {
            throw .unusable(path: path, reason: "it cannot be read: \(errnoText())")
        }
        guard count > 0 else { return }
        guard count == headerSize, header.starts(with: "SQLite format 3\0".utf8) else {
            throw .damaged(path: path, reason: "it does not begin as a SQLite database does")
        }
        let version = number(header, at: 60)
        let application = number(header, at: 68)
        // The rest of what a stranger is told by needs its tables.
        guard application != 0 || version != 0 else { return }
        try check(path, application: application, version: version) { [] }
    }

    /// Checks what SQLite finds in the database at `path`, and whether it is in one piece.
    ///
    /// - Throws: `StateError`.
    static func check(_ database: SQLiteDatabase, _ path: String) throws(StateError) {
        let application = try database.number("PRAGMA application_id")
        let version = try database.number("PRAGMA user_version")
        let names = try database.texts(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                + " ORDER BY name LIMIT 1000")
        try check(path, application: application, version: version) { names }
        if let complaint = try database.texts("PRAGMA quick_check(1)").first, complaint != "ok" {
            throw .damaged(path: path, reason: complaint)
        }
        guard names == tables else { return }
        let written = try database.number("SELECT value FROM facts WHERE name = 'format'")
        if written > format { throw .newer(path: path, format: written) }
    }

    /// Marks `database` as ours, unless it is.
    static func stamp(_ database: SQLiteDatabase) throws(StateError) {
        if try database.number("PRAGMA application_id") != application {
            try database.run("PRAGMA application_id = \(application)")
        }
        if try database.number("PRAGMA user_version") != format {
            try database.run("PRAGMA user_version = \(format)")
        }
    }

    private static func check(
        _ path: String, application: Int64, version: Int64, _ names: () -> [String]
    ) throws(StateError) {
        switch (application, version) {
        case (Self.application, format): return
        case (Self.application, let version) where version > format:
            throw .newer(path: path, format: version)
        case (0, 0) where names().isEmpty || names() == tables: return
        default: throw .foreign(path: path, found: found(application, version, names()))
        }
    }

    private static func found(_ application: Int64, _ version: Int64, _ names: [String]) -> String {
        var facts: [String] = []
        if application != 0 {
            facts.append(
                "application_id 0x\(String(UInt32(truncatingIfNeeded: application), radix: 16))")
        }
        if version != 0 { facts.append("user_version \(version)") }
        if !names.isEmpty {
            let shown = names.prefix(namedTables).joined(separator: ", ")
            let rest = names.count > namedTables ? " and others" : ""
            facts.append((names.count == 1 ? "table " : "tables ") + shown + rest)
        }
        return "the database of another program (\(facts.joined(separator: ", ")))"
    }

    private static func number(_ header: [UInt8], at place: Int) -> Int64 {
        Int64(header[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    }

    private static func errnoText() -> String { String(cString: strerror(errno)) }
}

extension SQLiteDatabase {
    /// The whole number in the only row of a statement; 0 if there is none.
    fileprivate func number(_ sql: String) throws(StateError) -> Int64 {
        var found: Int64 = 0
        try run(sql) { found = $0.integer(0) }
        return found
    }

    /// The texts in the rows of a statement.
    fileprivate func texts(_ sql: String) throws(StateError) -> [String] {
        var found: [String] = []
        try run(sql) { found.append($0.text(0)) }
        return found
    }
}
