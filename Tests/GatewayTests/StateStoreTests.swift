// The state on disk: what is written comes back, in one piece or not at all, and a file that is no
// good is refused in words.

import Bytes
import Foundation
import Testing

@testable import Gateway

@Suite struct StateStoreTests {
    private final class Folder {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("signalbox-state-\(UUID().uuidString)").path
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var file: String { path + "/state.sqlite3" }
    }

    private func event(_ number: UInt64, _ name: String = "a.b", bytes: Int = 3) -> SignalEvent {
        SignalEvent(
            sequence: number, name: Payload(Array(name.utf8)),
            data: Payload(Array(repeating: UInt8(ascii: "7"), count: bytes)), wallNanos: 5)
    }

    private let epoch = SignalEpoch("k3f9abcd")

    @Test func `what is written comes back, in the epoch of the first run`() throws {
        let folder = Folder()
        let timer = StoredTimer(
            id: "t", plan: Array(#"{"every":"1s"}"#.utf8), isFixed: false, isPaused: true,
            dueWallNanos: nil, runs: 3, missed: 1, lastWallNanos: 9, lastResult: .failed("no"))
        do {
            let store = try StateStore(folder: folder.path)
            #expect(try store.load(epoch: epoch, ahead: 100).reserved == 0)
            var batch = StateBatch()
            batch.events = [event(1), event(2), event(3, "c")]
            batch.dropped = [(1, event(1).name)]
            batch.timers = ["t": timer, "gone": nil]
            try store.write(batch)
            store.close()
        }
        let store = try StateStore(folder: folder.path)
        let state = try store.load(epoch: SignalEpoch(), ahead: 100)
        #expect(state.epoch == epoch && state.reserved == 100)
        #expect(state.events.map(\.sequence) == [2, 3])
        #expect(state.events.last?.name.text == "c" && state.events.last?.data.text == "777")
        #expect(state.losses.map(\.upTo) == [1])
        #expect(state.timers == [timer])
    }

    @Test func `where losses are too many to be told one by one it is known up to which`() throws {
        let folder = Folder()
        let store = try StateStore(folder: folder.path)
        _ = try store.load(epoch: epoch, ahead: 1)
        var batch = StateBatch()
        batch.dropped = (1...UInt64(StateStore.lossLimit + 7)).map { number in
            (number, Payload(Array("order.n\(number)".utf8)))
        }
        try store.write(batch)
        let state = try store.load(epoch: epoch, ahead: 1)
        #expect(state.forgotten == 7 && state.losses.count == StateStore.lossLimit)
        #expect(state.losses.map(\.upTo).min() == 8)
    }

    @Test func `a batch that does not fit is not there at all, and the next one may be`() throws {
        let folder = Folder()
        let store = try StateStore(folder: folder.path, pageLimit: 32)
        _ = try store.load(epoch: epoch, ahead: 1)
        try store.write(StateBatch(events: [event(1)]))
        let large = StateBatch(events: [event(2), event(3, bytes: 300_000)])
        #expect(throws: StateError.diskFull(path: folder.file)) { try store.write(large) }
        try store.write(StateBatch(events: [event(4)]))
        let state = try store.load(epoch: epoch, ahead: 1)
        #expect(state.events.map(\.sequence) == [1, 4])
    }

    @Test func `two gateways cannot share a state`() throws {
        let folder = Folder()
        let first = try StateStore(folder: folder.path)
        _ = try first.load(epoch: epoch, ahead: 1)
        #expect(throws: StateError.inUse(path: folder.file)) { try StateStore(folder: folder.path) }
        first.close()
        _ = try StateStore(folder: folder.path)
    }

    @Test func `a file of something else is refused`() throws {
        let folder = Folder()
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        try String(repeating: "no database ", count: 1_000)
            .write(toFile: folder.file, atomically: true, encoding: .utf8)
        #expect(throws: StateError.self) { try StateStore(folder: folder.path) }
    }

    @Test func `a file with any page overwritten is refused or read, and never more than that`()
        throws
    {
        let folder = Folder()
        do {
            let store = try StateStore(folder: folder.path)
            _ = try store.load(epoch: epoch, ahead: 1)
            try store.write(StateBatch(events: (1...200).map { event($0, bytes: 200) }))
            store.close()
        }
        let sound = try Data(contentsOf: URL(fileURLWithPath: folder.file))
        var refused = 0
        for page in stride(from: 0, to: sound.count, by: 4096) {
            var broken = sound
            for place in (page + 8)..<min(page + 600, sound.count) { broken[place] = 0xA5 }
            try broken.write(to: URL(fileURLWithPath: folder.file))
            do throws(StateError) {
                let store = try StateStore(folder: folder.path)
                _ = try store.load(epoch: epoch, ahead: 1)
                store.close()
            } catch {
                refused += 1
            }
            for end in ["-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: folder.file + end)
            }
        }
        #expect(refused > 2)
    }

    // MARK: Whose it is

    /// Makes a database with those marks and tables, as another program would.
    private func make(_ folder: Folder, _ application: Int, _ version: Int, _ tables: [String])
        throws
    {
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        let database = try SQLiteDatabase(path: folder.file)
        try database.run("PRAGMA application_id = \(application)")
        try database.run("PRAGMA user_version = \(version)")
        for table in tables { try database.run("CREATE TABLE \(table) (name, value)") }
    }

    private func contents(_ folder: Folder) throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0)))
            })
    }

    @Test(arguments: [
        (0, 0, ["accounts"], "(table accounts)"),
        (0, 7, [], "(user_version 7)"),
        (0x4750_4B47, 0, ["events", "facts", "losses", "timers"], "(application_id 0x47504b47)"),
        (0, 0, ["events", "facts"], "(tables events, facts)"),
        (0, 0, ["a", "b", "c", "d", "e", "f"], "(tables a, b, c, d, e and others)"),
        (0x5342_4F58, 2, ["events"], "newer version of Signalbox (format 2"),
    ])
    func `a database of another program or of a newer version is refused and left as it is`(
        application: Int, version: Int, tables: [String], said: String
    ) throws {
        let folder = Folder()
        try make(folder, application, version, tables)
        let before = try contents(folder)
        do throws(StateError) {
            _ = try StateStore(folder: folder.path)
            Issue.record("it was opened")
        } catch {
            #expect("\(error)".contains(said), "\(error)")
            #expect("\(error)".contains(folder.file) && "\(error)".contains("nothing was changed"))
            #expect(StateStore.fault(in: folder.path) == error)
        }
        #expect(try contents(folder) == before)
    }

    @Test func `a newer version that crashed is told by its log`() throws {
        let folder = Folder()
        try make(folder, 0, 0, [])
        let newer = try SQLiteDatabase(path: folder.file)
        try newer.beginWriting()
        try newer.run("PRAGMA application_id = \(StateIdentity.application)")
        try newer.run("PRAGMA user_version = 3")
        // What a killed process leaves.
        let crashed = Folder()
        try FileManager.default.copyItem(atPath: folder.path, toPath: crashed.path)
        let before = try contents(crashed)
        #expect(before.keys.contains("state.sqlite3-wal"))
        #expect(throws: StateError.newer(path: crashed.file, format: 3)) {
            try StateStore(folder: crashed.path)
        }
        #expect(try contents(crashed) == before)
    }

    @Test func `a state of before states were marked is taken over and marked`() throws {
        let folder = Folder()
        do {
            let store = try StateStore(folder: folder.path)
            _ = try store.load(epoch: epoch, ahead: 1)
            try store.write(StateBatch(events: [event(1)]))
            store.close()
            let database = try SQLiteDatabase(path: folder.file)
            try database.run("PRAGMA application_id = 0")
            try database.run("PRAGMA user_version = 0")
        }
        do {
            let store = try StateStore(folder: folder.path)
            #expect(try store.load(epoch: epoch, ahead: 1).events.map(\.sequence) == [1])
            store.close()
        }
        let header = try Data(contentsOf: URL(fileURLWithPath: folder.file)).prefix(100)
        #expect(Array(header[60..<64]) == [0, 0, 0, 1])
        #expect(String(decoding: header[68..<72], as: UTF8.self) == "SBOX")
    }

    // MARK: Where it is

    @Test func `a look at a state changes nothing, and one in use is fine`() throws {
        let folder = Folder()
        #expect(StateStore.fault(in: folder.path) == nil)
        #expect(!FileManager.default.fileExists(atPath: folder.path))
        let store = try StateStore(folder: folder.path)
        _ = try store.load(epoch: epoch, ahead: 1)
        #expect(StateStore.fault(in: folder.path) == nil)
        store.close()
        let before = try contents(folder)
        #expect(StateStore.fault(in: folder.path) == nil)
        #expect(try contents(folder) == before && before.count == 1)
    }

    @Test(arguments: [
        ("/proc/nowhere/state", "there is no /proc/nowhere; make that first"),
        ("/etc/hostname", "this is no folder"),
        ("/etc/hostname/state", "Not a directory"),
        ("/proc/state", "cannot be made"),
        ("/proc/self/task", "state.sqlite3: it cannot be opened"),
    ])
    func `a folder that cannot be used is an error in words of its own`(
        folder: String, said: String
    ) throws {
        do throws(StateError) {
            _ = try StateStore(folder: folder)
            Issue.record("it was opened")
        } catch {
            #expect("\(error)".hasPrefix(folder) && "\(error)".contains(said), "\(error)")
        }
    }

    @Test(arguments: ["state.sqlite3", "state.sqlite3-wal", "."])
    func `what is written to a removed file is not said to be stored, until it is back`(
        name: String
    ) throws {
        let folder = Folder()
        let aside = Folder()
        let store = try StateStore(folder: folder.path)
        _ = try store.load(epoch: epoch, ahead: 1)
        try store.write(StateBatch(events: [event(1)]))
        let place = name == "." ? folder.path : folder.path + "/" + name
        try FileManager.default.moveItem(atPath: place, toPath: aside.path)
        #expect(throws: StateError.removed(path: folder.file)) {
            try store.write(StateBatch(events: [event(2)]))
        }
        // Another file of that name is not it.
        if name != "." {
            try Data().write(to: URL(fileURLWithPath: place))
            #expect(throws: StateError.removed(path: folder.file)) {
                try store.write(StateBatch(events: [event(2)]))
            }
            try FileManager.default.removeItem(atPath: place)
        }
        try FileManager.default.moveItem(atPath: aside.path, toPath: place)
        try store.write(StateBatch(events: [event(3)]))
        store.close()
        let again = try StateStore(folder: folder.path)
        #expect(try again.load(epoch: epoch, ahead: 1).events.map(\.sequence) == [1, 3])
    }
}
