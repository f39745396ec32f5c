// The way to the disk: nobody hears of a durable signal before it is stored, order holds, and what
// cannot be stored is nobody's.

import Bytes
import Foundation
import Notifier
import Testing

@testable import Gateway

@Suite struct StateJournalTests {
    private final class Scene {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("signalbox-journal-\(UUID().uuidString)").path
        let loop: EventLoop
        let store: StateStore
        let hub: SignalHub
        let journal: StateJournal
        var heard: [UInt64] = []
        var lost: [UInt64] = []
        /// What was said of trouble: true as it began, false as it ended.
        var said: [Bool] = []

        init(pageLimit: Int? = nil, events: Int = 1_000, clock: ManualClock? = nil) throws {
            loop = if let clock { try EventLoop(clock: clock) } else { try EventLoop() }
            store = try StateStore(folder: folder, pageLimit: pageLimit)
            let stored = try store.load(epoch: SignalEpoch("k3f9abcd"), ahead: 100)
            var bounds = SignalHistory.Bounds()
            bounds.durable.events = events
            var rule = SignalRule(try #require(SignalPattern("safe.**")))
            rule.isDurable = true
            bounds.rules = [rule]
            hub = SignalHub(epoch: stored.epoch, history: bounds)
            journal = try StateJournal(loop: loop, store: store, reserved: stored.reserved + 100)
            journal.onTrouble = { [unowned self] in said.append($0 != nil) }
            hub.onEvent = { [unowned self] in heard.append($0.sequence) }
            hub.whenDropped { [unowned self] in journal.drop($0) }
            hub.refusal = { [unowned self] in journal.refusal($0) }
            hub.onHold = { [unowned self] in journal.add($0) }
            journal.numberBatch = { [unowned self] in hub.numberBatch() }
            journal.onStored = { [unowned self] in hub.publish($0) }
            journal.onLost = { [unowned self] batch, _ in
                lost += batch.map(\.ticket)
                hub.discard(batch)
            }
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func emit(_ name: String, bytes: Int = 1, key: String? = nil) -> Emission {
            hub.emit(
                Payload(Array(name.utf8)), Payload(Array(repeating: 49, count: bytes)),
                wallNanos: 1, key: key.map { Payload(Array($0.utf8)) })
        }

        /// Writes until nothing waits.
        func settle() -> Bool {
            var isDone = false
            journal.barrier { _ in isDone = true }
            return loop.run(until: { isDone && journal.pendingCount == 0 }, limit: .seconds(20))
        }
    }

    private static let held = Emission.held(ticket: 1, subscribers: 0, isRepeated: false)

    @Test func `a durable signal is heard once it is stored, and no other waits for it`() throws {
        let scene = try Scene()
        #expect(scene.emit("plain") == .emitted(1, subscribers: 0))
        #expect(scene.emit("safe.a") == Self.held)
        #expect(scene.emit("plain") == .emitted(2, subscribers: 0))
        scene.loop.step(sleep: false)
        // The batch is on its way now.
        #expect(scene.emit("plain") == .emitted(3, subscribers: 0))
        #expect(scene.heard == [1, 2, 3])
        let filter = SignalFilter([try #require(SignalPattern("**"))])
        #expect(scene.hub.replay(.after(3), filter, wallNanos: 1).events.isEmpty)
        #expect(scene.settle())
        let stored = 3 + SignalHub.numbersAhead
        #expect(scene.heard == [1, 2, 3, stored])
        #expect(
            try scene.store.load(epoch: SignalEpoch(), ahead: 1).events.map(\.sequence) == [stored])
    }

    @Test func `what is emitted in one turn, or while a commit runs, shares one commit`() throws {
        let scene = try Scene()
        for _ in 1...200 { _ = scene.emit("safe.a") }
        #expect(scene.journal.commitCount == 0)
        // The first commit begins as the turn ends; that it has ended is told in a later turn.
        scene.loop.step(sleep: false)
        for _ in 1...300 { _ = scene.emit("safe.a") }
        #expect(scene.settle())
        #expect(scene.heard.count == 500 && scene.heard == scene.heard.sorted())
        #expect(scene.journal.commitCount == 2 && scene.journal.storedCount == 500)
    }

    @Test func `what cannot be stored is never heard, and its key is free again`() throws {
        let scene = try Scene(pageLimit: 32)
        #expect(scene.emit("safe.big", bytes: 400_000, key: "k") == Self.held)
        _ = scene.emit("plain")
        #expect(scene.loop.run(until: { !scene.lost.isEmpty }, limit: .seconds(20)))
        #expect(scene.lost == [1] && scene.heard == [1])
        let trouble = try #require(scene.journal.trouble)
        #expect(trouble.sinceWallNanos > 0 && trouble.reason.contains("no room"), "\(trouble)")
        #expect(
            scene.emit("safe.small", key: "k")
                == .held(ticket: 2, subscribers: 0, isRepeated: false))
        #expect(scene.settle())
        #expect(scene.heard.count == 2 && scene.lost == [1])
    }

    @Test func `a full disk is over when what did not fit has fit, or nothing failed for a while`()
        throws
    {
        let clock = ManualClock(wallSeconds: 1_800_000_000)
        let scene = try Scene(pageLimit: 32, clock: clock)
        for round in 1...3 {
            _ = scene.emit("safe.big", bytes: 400_000)
            #expect(scene.loop.run(until: { scene.lost.count == round }, limit: .seconds(20)))
            // There is room for a small one each time, which says nothing of large ones.
            _ = scene.emit("safe.small")
            #expect(scene.settle())
            #expect(scene.heard.count == round && scene.journal.trouble != nil)
        }
        #expect(scene.said == [true])
        clock.advance(by: StateJournal.calmDelay - .seconds(1))
        scene.loop.step(sleep: false)
        #expect(scene.settle() && scene.said == [true])
        // Nobody emits anything: it finds out by itself.
        clock.advance(by: StateJournal.retryDelay)
        #expect(scene.loop.run(until: { scene.journal.trouble == nil }, limit: .seconds(20)))
        #expect(scene.said == [true, false])
    }

    @Test func `a state that was removed is refused, and noticed by itself when it is back`()
        throws
    {
        let clock = ManualClock(wallSeconds: 1_800_000_000)
        let scene = try Scene(clock: clock)
        _ = scene.emit("safe.a")
        #expect(scene.settle())
        let aside = scene.folder + "-aside"
        try FileManager.default.moveItem(atPath: scene.folder, toPath: aside)
        for _ in 1...2 { _ = scene.emit("safe.a") }
        #expect(scene.loop.run(until: { scene.lost.count == 2 }, limit: .seconds(20)))
        let reason = try #require(scene.journal.trouble?.reason)
        #expect(reason.contains("was removed or replaced"), "\(reason)")
        try FileManager.default.moveItem(atPath: aside, toPath: scene.folder)
        clock.advance(by: StateJournal.retryDelay)
        #expect(scene.loop.run(until: { scene.journal.trouble == nil }, limit: .seconds(20)))
        _ = scene.emit("safe.a")
        #expect(scene.settle())
        #expect(scene.heard.count == 2 && scene.said == [true, false])
    }

    @Test func `the last id of a signal whose events are all gone is known after a restart`()
        throws
    {
        let scene = try Scene(events: 1)
        for name in ["safe.a", "safe.b"] {
            _ = scene.emit(name)
            #expect(scene.settle())
        }
        #expect(scene.settle())
        let stored = try scene.store.load(epoch: SignalEpoch(), ahead: 1)
        let again = try Scene(events: 1)
        again.hub.restore(stored.events, losses: stored.losses, newest: 1 << 30, lostUpTo: 1 << 30)
        // One that was asked for and never emitted has no id.
        #expect(again.hub.isDurable(Payload(Array("safe.c".utf8))))
        let list = again.hub.list()
        #expect(list.map(\.name) == ["safe.a", "safe.b", "safe.c"])
        #expect(list.map(\.last) == [scene.heard[0], scene.heard[1], nil])
    }

    @Test func `more than may wait is refused`() throws {
        let scene = try Scene()
        for _ in 1...StateJournal.eventLimit { _ = scene.emit("safe.a") }
        guard case .notStored = scene.emit("safe.a") else {
            Issue.record("taken beyond the limit")
            return
        }
        #expect(scene.settle())
        #expect(scene.heard.count == StateJournal.eventLimit)
    }

    @Test func `the bounds of the history hold on disk as well`() throws {
        let scene = try Scene(events: 10)
        for _ in 1...25 { _ = scene.emit("safe.a") }
        #expect(scene.settle())
        #expect(scene.settle())
        let state = try scene.store.load(epoch: SignalEpoch(), ahead: 1)
        #expect(state.events.map(\.sequence) == scene.heard.suffix(10))
        #expect(state.losses.map(\.upTo) == [scene.heard[14]])
    }

    @Test func `after a restart numbers leap, and streams of durable signals see no gap`() throws {
        let scene = try Scene()
        for _ in 1...3 { _ = scene.emit("safe.a") }
        #expect(scene.settle())
        let stored = try scene.store.load(epoch: SignalEpoch(), ahead: 1 << 20)
        let again = try Scene(events: 5)
        again.hub.restore(
            stored.events, losses: stored.losses, newest: 1 << 20, lostUpTo: 1 << 20)
        _ = again.emit("safe.b")
        #expect(again.settle())
        let before = scene.heard
        let next = try #require(again.heard.first)
        #expect(next > 1 << 20)
        func replay(_ last: UInt64, _ patterns: String...) -> ReplaySlice {
            let filter = SignalFilter(patterns.compactMap { SignalPattern($0) })
            return again.hub.replay(.after(last), filter, wallNanos: 1)
        }
        for patterns in [["safe.**"], ["safe.a", "safe.b"], ["safe.*", "safe.never"]] {
            let filter = SignalFilter(patterns.compactMap { SignalPattern($0) })
            let slice = again.hub.replay(.after(before[0]), filter, wallNanos: 1)
            #expect(slice.gap == nil, "\(patterns)")
            #expect(slice.events.map(\.sequence) == [before[1], before[2], next], "\(patterns)")
            #expect(slice.next == nil)
        }
        #expect(replay(before[0], "**").gap?.upTo == 1 << 20)
        #expect(replay(before[0], "plain").gap?.upTo == 1 << 20)
        #expect(replay(1 << 20, "**").gap == nil)
        for _ in 1...4 { _ = again.emit("safe.b") }
        #expect(again.settle())
        #expect(again.hub.oldest == next && again.hub.retainedCount == 5)
        #expect(replay(before[1], "safe.**").gap?.upTo == before[2])
    }
}
