// StateStore: what outlives the gateway, as tables. Everything here blocks: it is called on a thread
// of a worker pool, never on a loop.
//
//     facts    format, epoch, reserved (no number up to this is given again), forgotten (events of
//              signals that are in no other table may be gone up to this)
//     events   sequence → name, data, moment: of durable signals only
//     losses   name → the last of its events that is gone
//     timers   id → plan, when it is due, what it has done

internal import Bytes
internal import Glibc
internal import Synchronization

/// One timer as it is stored.
///
/// Any thread.
struct StoredTimer: Sendable, Equatable {
    /// Its id.
    var id: String
    /// The members by which somebody would ask for it, as JSON.
    var plan: [UInt8]
    /// Whether it comes from the configuration.
    var isFixed: Bool
    /// Whether it rests.
    var isPaused: Bool
    /// When it is due, in nanoseconds since 1970.
    var dueWallNanos: Int64?
    /// Its counts.
    var runs: Int64
    var missed: Int64
    /// Its last run, and what came of it.
    var lastWallNanos: Int64?
    var lastResult: TimerResult?
}

/// Everything that an earlier run has left.
///
/// Any thread.
struct StoredState: Sendable {
    /// The epoch of its ids.
    var epoch: SignalEpoch
    /// The last number that may have been given to an event; 0 in the first run.
    var reserved: UInt64
    /// Durable events, oldest first.
    var events: [SignalEvent] = []
    /// Durable signals of which events are gone, with the last of these.
    var losses: [(signal: Payload, upTo: UInt64)] = []
    /// The last number of an event that is gone of a signal of which nothing is known any more.
    var forgotten: UInt64 = 0
    /// Timers.
    var timers: [StoredTimer] = []
}

/// What is written in one transaction.
///
/// Any thread.
struct StateBatch: Sendable {
    /// Events that must be there before anybody hears of them.
    var events: [SignalEvent] = []
    /// Events that the history has let go, and their names.
    var dropped: [(sequence: UInt64, name: Payload)] = []
    /// Timers that are new or have changed; nil for those that are gone.
    var timers: [String: StoredTimer?] = [:]
    /// The last number that may be given, if there is a new one.
    var reserved: UInt64?

    /// Whether there is nothing to write.
    var isEmpty: Bool {
        events.isEmpty && dropped.isEmpty && timers.isEmpty && reserved == nil
    }
}

/// The state on disk.
///
/// Any thread; one at a time, and the others wait.
final class StateStore: Sendable {
    /// Names whose losses are remembered one by one, as many as the history remembers.
    static let lossLimit = 10_000

    private let database: Mutex<SQLiteDatabase?>

    /// The files that are open: the database and its write-ahead log.
    private let identities: [FileIdentity?]

    /// The file.
    let path: String

    /// Opens the state in `folder`, which is made if it is missing.
    ///
    /// - Parameter pageLimit: pages of 4 KiB after which the disk counts as full; nil for no limit.
    init(folder: String, pageLimit: Int? = nil) throws(StateError) {
        path = StateFolder.file(in: folder)
        try StateFolder.check(folder)
        try StateFolder.make(folder)
        let opened = try Self.open(path)
        if let pageLimit { try opened.run("PRAGMA max_page_count = \(pageLimit)") }
        StateFolder.sync(folder)
        identities = Self.identities(path)
        database = Mutex(opened)
    }

    /// What would keep a gateway from opening the state in `folder`; nothing is made or written.
    ///
    /// A state that is in use is one that works.
    static func fault(in folder: String) -> StateError? {
        do throws(StateError) {
            try StateFolder.check(folder)
            let path = StateFolder.file(in: folder)
            guard StateFolder.exists(path) else { return nil }
            try StateIdentity.checkHeader(path)
            let database = try SQLiteDatabase(path: path, mayMake: false)
            try StateIdentity.check(database, path)
            return nil
        } catch {
            if case .inUse = error { return nil }
            return error
        }
    }

    private static func open(_ path: String) throws(StateError) -> sending SQLiteDatabase {
        try StateIdentity.checkHeader(path)
        let database = try SQLiteDatabase(path: path)
        try StateIdentity.check(database, path)
        try database.beginWriting()
        try database.transaction { () throws(StateError) in
            for table in tables { try database.run(table) }
            try StateIdentity.stamp(database)
        }
        return database
    }

    private static func identities(_ path: String) -> [FileIdentity?] {
        [path, path + "-wal"].map { FileIdentity($0) }
    }

    /// Whoever removes or replaces an open file leaves us with one that nobody finds again.
    private func checkPlace() throws(StateError) {
        guard Self.identities(path) == identities else { throw .removed(path: path) }
    }

    private static let tables = [
        "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
        """
        CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, name TEXT NOT NULL,
        data BLOB NOT NULL, moment INTEGER NOT NULL)
        """,
        "CREATE TABLE IF NOT EXISTS losses (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL)",
        """
        CREATE TABLE IF NOT EXISTS timers (id TEXT PRIMARY KEY, plan BLOB NOT NULL,
        fixed INTEGER NOT NULL, paused INTEGER NOT NULL, due INTEGER, runs INTEGER NOT NULL,
        missed INTEGER NOT NULL, last INTEGER, result TEXT, failed INTEGER NOT NULL)
        """,
    ]

    /// Reads everything, and reserves the numbers up to `ahead` beyond those reserved before.
    ///
    /// - Parameter epoch: the epoch of a state that has none yet.
    func load(epoch: SignalEpoch, ahead: UInt64) throws(StateError) -> StoredState {
        try access { database throws(StateError) in
            var state = StoredState(epoch: epoch, reserved: 0)
            try database.run("SELECT name, value FROM facts") { row in
                switch row.text(0) {
                case "epoch": state.epoch = SignalEpoch(row.text(1))
                case "reserved": state.reserved = UInt64(clamping: row.integer(1))
                case "forgotten": state.forgotten = UInt64(clamping: row.integer(1))
                default: break
                }
            }
            try Self.read(database, into: &state)
            let last = state.events.last?.sequence ?? 0
            state.reserved = max(state.reserved, last)
            try database.transaction { () throws(StateError) in
                try Self.setFact("format", .integer(StateIdentity.format), database)
                try Self.setFact(
                    "epoch", .text(String(decoding: state.epoch.text, as: UTF8.self)), database)
                try Self.setFact(
                    "reserved", .integer(Int64(clamping: state.reserved &+ ahead)), database)
            }
            return state
        }
    }

    private static func read(
        _ database: SQLiteDatabase, into state: inout StoredState
    ) throws(StateError) {
        var events: [SignalEvent] = []
        try database.run("SELECT sequence, name, data, moment FROM events ORDER BY sequence") {
            events.append(
                SignalEvent(
                    sequence: UInt64(clamping: $0.integer(0)),
                    name: Payload(Array($0.text(1).utf8)),
                    data: Payload($0.blob(2)), wallNanos: $0.integer(3)))
        }
        var losses: [(signal: Payload, upTo: UInt64)] = []
        try database.run("SELECT name, sequence FROM losses ORDER BY sequence DESC LIMIT 10000") {
            losses.append((Payload(Array($0.text(0).utf8)), UInt64(clamping: $0.integer(1))))
        }
        var timers: [StoredTimer] = []
        try database.run(
            """
            SELECT id, plan, fixed, paused, due, runs, missed, last, result, failed FROM timers
            ORDER BY id
            """
        ) { row in
            let text = row.text(8)
            let result: TimerResult? =
                text.isEmpty ? nil : row.integer(9) == 0 ? .done(text) : .failed(text)
            timers.append(
                StoredTimer(
                    id: row.text(0), plan: row.blob(1), isFixed: row.integer(2) != 0,
                    isPaused: row.integer(3) != 0, dueWallNanos: row.optionalInteger(4),
                    runs: row.integer(5), missed: row.integer(6),
                    lastWallNanos: row.optionalInteger(7), lastResult: result))
        }
        state.events = events
        state.losses = losses
        state.timers = timers
    }

    /// Writes a batch: all of it, or nothing.
    ///
    /// - Throws: `StateError`; `removed` also if the file was removed while it was written.
    func write(_ batch: StateBatch) throws(StateError) {
        try access { database throws(StateError) in
            try checkPlace()
            try database.transaction { () throws(StateError) in
                try Self.writeEvents(batch, database)
                for (id, timer) in batch.timers { try Self.write(timer, id, database) }
                if let reserved = batch.reserved {
                    try Self.setFact("reserved", .integer(Int64(clamping: reserved)), database)
                }
            }
            try checkPlace()
        }
    }

    private static func writeEvents(
        _ batch: StateBatch, _ database: SQLiteDatabase
    ) throws(StateError) {
        for event in batch.events {
            try database.run(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)",
                [
                    .integer(Int64(clamping: event.sequence)), .text(event.name.text),
                    .blob(event.data), .integer(event.wallNanos),
                ])
        }
        for (sequence, name) in batch.dropped {
            let number = Int64(clamping: sequence)
            try database.run("DELETE FROM events WHERE sequence = ?", [.integer(number)])
            try database.run(
                "INSERT OR REPLACE INTO losses VALUES (?, ?)", [.text(name.text), .integer(number)])
        }
        guard !batch.dropped.isEmpty else { return }
        try forgetLosses(database)
    }

    /// Forgets the oldest of more losses than are remembered one by one, but up to where they go.
    private static func forgetLosses(_ database: SQLiteDatabase) throws(StateError) {
        var forgotten: Int64?
        try database.run(
            "SELECT sequence FROM losses ORDER BY sequence DESC LIMIT 1 OFFSET \(lossLimit)"
        ) { forgotten = $0.integer(0) }
        guard let forgotten else { return }
        try setFact("forgotten", .integer(forgotten), database)
        try database.run("DELETE FROM losses WHERE sequence <= ?", [.integer(forgotten)])
    }

    private static func write(
        _ timer: StoredTimer?, _ id: String, _ database: SQLiteDatabase
    ) throws(StateError) {
        guard let timer else {
            try database.run("DELETE FROM timers WHERE id = ?", [.text(id)])
            return
        }
        let isFailure = if case .failed = timer.lastResult { true } else { false }
        try database.run(
            "INSERT OR REPLACE INTO timers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(id), .blob(Payload(timer.plan)), .integer(timer.isFixed ? 1 : 0),
                .integer(timer.isPaused ? 1 : 0), timer.dueWallNanos.map { .integer($0) } ?? .null,
                .integer(timer.runs), .integer(timer.missed),
                timer.lastWallNanos.map { .integer($0) } ?? .null,
                timer.lastResult.map { .text($0.text) } ?? .null, .integer(isFailure ? 1 : 0),
            ])
    }

    private static func setFact(
        _ name: String, _ value: SQLiteDatabase.Value, _ database: SQLiteDatabase
    ) throws(StateError) {
        try database.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", [.text(name), value])
    }

    /// Closes the file; nothing is written afterwards.
    func close() {
        database.withLock { $0 = nil }
    }

    private func access<Result: Sendable>(
        _ body: (SQLiteDatabase) throws(StateError) -> Result
    ) throws(StateError) -> Result {
        try database.withLock { database throws(StateError) in
            guard let database else { throw .failed(path: path, reason: "it is closed") }
            return try body(database)
        }
    }
}
