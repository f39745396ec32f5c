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

    @Test func `a folder that cannot be made is an error in words`() {
        #expect(throws: StateError.self) { try StateStore(folder: "/proc/nowhere/state") }
    }
}
