// Reactions: what they hear, what may run, wait and come in a second, and where a loop ends.

import Bytes
import Notifier
import Testing

@testable import Gateway

@Suite struct ReactionTableTests {
    private final class Scene {
        let clock = ManualClock(wallSeconds: 1_800_000_000)
        let loop: EventLoop
        let table: ReactionTable
        var heard: [String] = []
        var cuts = 0
        var losses: [String] = []
        var pending: [(String?) -> Void] = []
        var number: UInt64 = 0

        init(
            _ pattern: String, waits: Bool = false,
            _ adjust: (inout Settings.Reaction) -> Void = { _ in }
        ) throws {
            loop = try EventLoop(clock: clock)
            var reaction = Settings.Reaction(
                name: "r", signal: pattern, action: .emit(signal: "loop.next", data: nil))
            adjust(&reaction)
            table = ReactionTable([reaction], loop: loop)
            table.perform = { [unowned self] _, event, done in
                heard.append(event.name.text)
                if waits { pending.append(done) } else { done(nil) }
            }
            table.onLoss = { [unowned self] entry, loss, count, isFirst in
                losses.append(loss.sentence(count, isFirst: isFirst, entry.settings))
            }
            table.onCut = { [unowned self] _, _ in cuts += 1 }
        }

        func emit(_ name: String, depth: Int = 0) {
            number += 1
            table.hear(
                SignalEvent(
                    sequence: number, name: Payload(Array(name.utf8)), data: Payload([48]),
                    wallNanos: 0, depth: depth))
        }

        func step() { loop.step(sleep: false) }
        var counts: ReactionCounts { table.entries[0].counts }
    }

    @Test func `only what matches is reacted to, in the next turn`() throws {
        let scene = try Scene("a.*")
        scene.emit("a.b")
        scene.emit("b.a")
        #expect(scene.heard.isEmpty)
        scene.step()
        #expect(scene.heard == ["a.b"] && scene.counts.runs == 1)
    }

    @Test func `a loop is cut at its eighth turn and told once`() throws {
        let scene = try Scene("loop.**")
        for depth in 0...(ReactionTable.depthLimit + 3) { scene.emit("loop.x", depth: depth) }
        for _ in 0..<20 { scene.step() }
        #expect(scene.heard.count == ReactionTable.depthLimit)
        #expect(scene.counts.cut == 4 && scene.cuts == 1)
    }

    @Test func `more than the rate is left out, and comes again with time`() throws {
        let scene = try Scene("a") {
            $0.rate = 5
            $0.overlap = .parallel
        }
        for _ in 1...9 { scene.emit("a") }
        #expect(scene.counts.overRate == 4)
        let place = "a second came (reactions.r.rate)"
        #expect(scene.losses == ["reaction r left out 1 event: more than 5 \(place)"])
        scene.clock.advance(by: .seconds(1))
        scene.emit("a")
        for _ in 0..<3 { scene.step() }
        #expect(scene.heard.count == 6)
        scene.clock.advance(by: .seconds(60))
        scene.step()
        #expect(scene.losses.last == "reaction r left out 3 more events: more than 5 \(place)")
        #expect(scene.losses.count == 2)
    }

    @Test(arguments: [
        (Settings.Timer.Overlap.skip, 1, UInt64(2)), (.queue, 1, 0), (.parallel, 3, 0),
    ])
    func `what comes while one runs is left out, waits or runs as well`(
        overlap: Settings.Timer.Overlap, running: Int, lost: UInt64
    ) throws {
        let scene = try Scene("a", waits: true) { $0.overlap = overlap }
        for _ in 1...3 { scene.emit("a") }
        for _ in 0..<5 { scene.step() }
        #expect(scene.pending.count == running && scene.counts.overlapped == lost)
        // Who asks for that need not be told.
        #expect(scene.losses.isEmpty)
        while !scene.pending.isEmpty {
            scene.pending.removeFirst()("it went wrong")
            for _ in 0..<3 { scene.step() }
        }
        #expect(scene.counts.runs == 3 - lost && scene.counts.failures == 3 - lost)
        #expect(scene.table.entries[0].lastFailure?.reason == "it went wrong")
    }

    @Test func `as many run at once as may`() throws {
        let scene = try Scene("a", waits: true) {
            $0.overlap = .parallel
            $0.inFlight = 2
        }
        for _ in 1...3 { scene.emit("a") }
        for _ in 0..<5 { scene.step() }
        #expect(scene.pending.count == 2 && scene.counts.overlapped == 1)
        #expect(
            scene.losses
                == ["reaction r left out 1 event: 2 run already (reactions.r.in_flight)"])
    }

    @Test func `what waits is bounded`() throws {
        let scene = try Scene("a", waits: true) { $0.rate = 10_000 }
        for _ in 1...(ReactionTable.waitLimit + 11) { scene.emit("a") }
        #expect(scene.counts.overlapped == 10)
        #expect(scene.losses.count == 1 && scene.losses[0].contains(": 256 wait already"))
        scene.table.finish()
        #expect(scene.losses.count == 2 && scene.losses[1].contains(" 9 more events: "))
    }
}
