// Timers as people see them, driven by a clock that stands still until it is told to move.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct TimerBookTests {
    private final class Scene {
        let clock = ManualClock(wallSeconds: 1_800_000_000)
        let loop: EventLoop
        let book: TimerBook
        var fired: [String] = []
        var pending: [(String) -> Void] = []

        init(waits: Bool = false) throws {
            loop = try EventLoop(clock: clock)
            book = TimerBook(loop: loop)
            book.perform = { [unowned self] entry, done in
                fired.append(entry.id)
                if waits { pending.append(done) } else { done("ok") }
            }
        }

        func pass(_ duration: Duration) {
            clock.advance(by: duration)
            loop.step(sleep: false)
        }
    }

    private func plan(_ schedule: TimerPlan.Schedule) -> TimerPlan {
        TimerPlan(schedule: schedule, action: .emit(signal: "a", data: []))
    }

    @Test func `a timer fires once after its delay and is gone`() throws {
        let scene = try Scene()
        _ = scene.book.add(id: "once", plan(.after(.seconds(10))), isFixed: false)
        scene.pass(.seconds(9))
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired == ["once"])
        #expect(scene.book.find("once") == nil)
    }

    @Test func `an interval keeps its grid and merges what it missed`() throws {
        let scene = try Scene()
        let entry = try #require(
            scene.book.add(id: "tick", plan(.every(.seconds(10))), isFixed: false))
        scene.pass(.seconds(35))
        #expect(scene.fired.count == 1)
        scene.pass(.seconds(5))
        #expect(scene.fired.count == 2 && entry.runs == 2)
    }

    @Test func `a moment of the wall clock is met`() throws {
        let scene = try Scene()
        let moment = scene.clock.wallNanos() + 5_000_000_000
        let entry = try #require(scene.book.add(id: "at", plan(.at(moment)), isFixed: false))
        #expect(scene.book.nextWallNanos(entry) == moment)
        scene.pass(.seconds(5))
        #expect(scene.fired == ["at"])
    }

    @Test func `a firing is left out while the one before runs`() throws {
        let scene = try Scene(waits: true)
        let entry = try #require(
            scene.book.add(id: "slow", plan(.every(.seconds(1))), isFixed: false))
        scene.pass(.seconds(1))
        scene.pass(.seconds(1))
        #expect(scene.fired.count == 1 && entry.missed == 1)
        scene.pending.removeFirst()("done late")
        #expect(entry.lastResult == "done late")
        scene.pass(.seconds(1))
        #expect(scene.fired.count == 2)
    }

    @Test func `after its last run a timer is gone`() throws {
        let scene = try Scene()
        var plan = plan(.every(.seconds(1)))
        plan.maxRuns = 2
        _ = scene.book.add(id: "two", plan, isFixed: false)
        for _ in 1...5 { scene.pass(.seconds(1)) }
        #expect(scene.fired.count == 2)
        #expect(scene.book.all.isEmpty)
    }

    @Test func `a removed timer is silent, and its id free again`() throws {
        let scene = try Scene()
        let entry = try #require(
            scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false))
        #expect(scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false) == nil)
        scene.book.remove(entry)
        scene.pass(.seconds(5))
        #expect(scene.fired.isEmpty)
        #expect(scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false) != nil)
    }

    @Test(
        "a request for a timer names each of its faults",
        arguments: [
            (#"{"every":"1s","emit":{"signal":"a.b","data":1}}"#, [String]()),
            (#"{"at":"2026-12-01T08:00:00Z","call":{"module":"m","command":"c"}}"#, []),
            (#"[]"#, [""]), (#"{}"#, ["/every", "/emit"]),
            (#"{"every":"1s","after":"2s","emit":{"signal":"a"}}"#, ["/after"]),
            (#"{"every":"1ms","emit":{"signal":"a"}}"#, ["/every"]),
            (#"{"every":"soon","emit":{"signal":"a b"}}"#, ["/every", "/emit/signal"]),
            (#"{"at":"tomorrow","emit":{"signal":"signalbox.x"}}"#, ["/at", "/emit/signal"]),
            (#"{"every":"1s","emit":{"signal":"a"},"evry":1}"#, ["/evry"]),
            (#"{"every":"1s","emit":{"signal":"a"},"max_runs":0}"#, ["/max_runs"]),
            (#"{"every":"1s","emit":{"signal":"a"},"overlap":"x"}"#, ["/overlap"]),
            (#"{"id":"a/b","every":"1s","call":{"module":"m"}}"#, ["/id", "/call"]),
            (#"{"every":"1s","call":{"module":"m","command":"x\",\"id\":1}\n"}}"#, ["/call"]),
        ])
    func requests(_ text: String, _ expected: [String]) throws {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        do throws(TimerRequest.Fault) {
            _ = try TimerRequest(value)
            #expect(expected.isEmpty)
        } catch {
            #expect(error.faults.map(\.pointer) == expected)
        }
    }

    @Test(
        "moments are read and written as RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            ("2026-11-22T15:20:58Z", 1_795_360_858, "2026-11-22T15:20:58.000Z"),
            ("2024-02-29T23:59:59+01:00", 1_709_247_599, "2024-02-29T22:59:59.000Z"),
            ("2000-03-01 00:00:00.5Z", 951_868_800, "2000-03-01T00:00:00.500Z"),
        ])
    func moments(_ text: String, _ seconds: Int64, _ again: String) throws {
        let nanos = try #require(Timestamp.parse(text))
        #expect(nanos / 1_000_000_000 == seconds)
        #expect(Timestamp.text(nanos) == again)
    }

    @Test(
        "what is no moment is refused",
        arguments: [
            "", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
            "1969-12-31T23:59:59Z", "2026-01-01T00:00:00Zz", "x026-01-01T00:00:00Z",
        ])
    func noMoments(_ text: String) {
        #expect(Timestamp.parse(text) == nil)
    }
}
