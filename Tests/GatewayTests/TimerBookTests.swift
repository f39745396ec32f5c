// Timers as people see them, driven by a clock that stands still until it is told to move.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct TimerBookTests {
    private final class Scene {
        let clock: ManualClock
        let loop: EventLoop
        let book: TimerBook
        var fired: [String] = []
        var news: [TimerNews] = []
        var pending: [(TimerResult) -> Void] = []

        init(waits: Bool = false, wall: Int64 = 1_800_000_000, bounds: TimerBook.Bounds = .init())
            throws
        {
            clock = ManualClock(wallSeconds: wall)
            loop = try EventLoop(clock: clock)
            book = TimerBook(loop: loop, bounds: bounds)
            book.perform = { [unowned self] entry, done in
                fired.append(entry.id)
                if waits { pending.append(done) } else { done(.done("ok")) }
            }
            book.onNews = { [unowned self] _, news in self.news.append(news) }
        }

        func pass(_ duration: Duration) {
            clock.advance(by: duration)
            loop.step(sleep: false)
        }

        /// Passes `count` times one second, as a loop that is awake would.
        func passSeconds(_ count: Int) {
            for _ in 0..<count { pass(.seconds(1)) }
        }

        var missed: [TimerNews] {
            news.filter { if case .missed = $0 { true } else { false } }
        }
    }

    private func plan(_ schedule: TimerPlan.Schedule) -> TimerPlan {
        TimerPlan(schedule: schedule, action: .emit(signal: "a", data: []))
    }

    private func cron(_ text: String, _ zone: String? = nil) throws -> TimerPlan {
        plan(.cron(.init(text: text, expression: try CronExpression(text), timezone: zone)))
    }

    @Test func `a timer fires once after its delay and is gone`() throws {
        let scene = try Scene()
        try scene.book.add(id: "once", plan(.after(.seconds(10))), isFixed: false)
        scene.pass(.seconds(9))
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired == ["once"])
        #expect(scene.book.find("once") == nil)
        #expect(scene.news == [.fired(run: 1), .finished(run: 1, .done("ok")), .removed])
    }

    @Test func `an interval keeps its grid, merges what it missed and counts it`() throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "tick", plan(.every(.seconds(10))), isFixed: false)
        scene.pass(.seconds(35))
        #expect(scene.fired.count == 1 && entry.missed == 2)
        #expect(scene.missed == [.missed(count: 2, reason: .late)])
        scene.pass(.seconds(5))
        #expect(scene.fired.count == 2 && entry.runs == 2 && entry.missed == 2)
    }

    @Test func `a moment of the wall clock is met`() throws {
        let scene = try Scene()
        let moment = scene.clock.wallNanos() + 5_000_000_000
        let entry = try scene.book.add(id: "at", plan(.at(moment)), isFixed: false)
        #expect(scene.book.nextWallNanos(entry) == moment)
        scene.pass(.seconds(5))
        #expect(scene.fired == ["at"])
    }

    // MARK: Overlap

    @Test func `a firing is left out while the one before runs`() throws {
        let scene = try Scene(waits: true)
        let entry = try scene.book.add(id: "slow", plan(.every(.seconds(1))), isFixed: false)
        scene.passSeconds(2)
        #expect(scene.fired.count == 1 && entry.missed == 1)
        #expect(scene.missed == [.missed(count: 1, reason: .overlap)])
        scene.pending.removeFirst()(.done("done late"))
        #expect(entry.lastResult == .done("done late"))
        scene.pass(.seconds(1))
        #expect(scene.fired.count == 2)
    }

    @Test func `a timer that misses each firing floods nobody with notices`() throws {
        let scene = try Scene(waits: true)
        let entry = try scene.book.add(id: "f", plan(.every(.milliseconds(10))), isFixed: false)
        for _ in 1...500 { scene.pass(.milliseconds(10)) }
        #expect(entry.missed == 499)
        #expect(scene.missed.count == 5)
        scene.book.remove(entry)
        let told = scene.missed.reduce(0) { sum, news in
            if case .missed(let count, .overlap) = news { sum + count } else { sum }
        }
        #expect(told == 499)
        #expect(scene.news.last == .removed && scene.loop.timerCount == 0)
    }

    @Test func `two reasons to miss a firing are told one after the other, with their own counts`()
        throws
    {
        let scene = try Scene(waits: true)
        try scene.book.add(id: "f", plan(.every(.milliseconds(100))), isFixed: false)
        scene.pass(.milliseconds(100))
        scene.pass(.milliseconds(300))  // two late, and one while the first runs
        #expect(scene.missed == [.missed(count: 2, reason: .late)])
        for _ in 1...10 { scene.pass(.milliseconds(100)) }
        #expect(
            scene.missed
                == [.missed(count: 2, reason: .late), .missed(count: 10, reason: .overlap)])
    }

    @Test func `queued firings run one after the other, as many as may wait`() throws {
        let scene = try Scene(waits: true)
        var plan = plan(.every(.seconds(1)))
        plan.overlap = .queue
        let entry = try scene.book.add(id: "queue", plan, isFixed: false)
        scene.passSeconds(3)
        #expect(scene.fired.count == 1 && entry.queuedCount == 2 && entry.missed == 0)
        scene.pending.removeFirst()(.done("ok"))
        scene.loop.step(sleep: false)
        #expect(scene.fired.count == 2 && entry.queuedCount == 1 && entry.runningCount == 1)
        scene.passSeconds(TimerBook.runLimit + 10)
        #expect(entry.queuedCount == TimerBook.runLimit)
        #expect(entry.missed == 11)
    }

    @Test func `parallel firings run together, as many as may`() throws {
        let scene = try Scene(waits: true)
        var plan = plan(.every(.seconds(1)))
        plan.overlap = .parallel
        let entry = try scene.book.add(id: "many", plan, isFixed: false)
        scene.passSeconds(TimerBook.runLimit + 5)
        #expect(entry.runningCount == TimerBook.runLimit && entry.missed == 5)
    }

    @Test func `the last of so many runs is the last, queued ones included`() throws {
        let scene = try Scene(waits: true)
        var plan = plan(.every(.seconds(1)))
        plan.maxRuns = 3
        plan.overlap = .queue
        try scene.book.add(id: "three", plan, isFixed: false)
        scene.passSeconds(10)
        while !scene.pending.isEmpty {
            scene.pending.removeFirst()(.done("ok"))
            scene.passSeconds(2)
        }
        #expect(scene.fired.count == 3)
        #expect(scene.book.all.isEmpty)
    }

    @Test func `after its last run a timer is gone`() throws {
        let scene = try Scene()
        var plan = plan(.every(.seconds(1)))
        plan.maxRuns = 2
        try scene.book.add(id: "two", plan, isFixed: false)
        scene.passSeconds(5)
        #expect(scene.fired.count == 2)
        #expect(scene.book.all.isEmpty)
    }

    @Test func `a removed timer is silent, and its id free again`() throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false)
        #expect(throws: TimerRefusal.exists) {
            try scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false)
        }
        scene.book.remove(entry)
        scene.pass(.seconds(5))
        #expect(scene.fired.isEmpty)
        try scene.book.add(id: "x", plan(.every(.seconds(1))), isFixed: false)
    }

    @Test func `a random delay comes within its bound, one at a time`() throws {
        let scene = try Scene()
        var plan = plan(.every(.seconds(1)))
        plan.jitter = .seconds(1)
        let entry = try scene.book.add(id: "j", plan, isFixed: false)
        scene.passSeconds(3)
        #expect(scene.loop.timerCount <= 3)
        #expect(scene.fired.count + entry.missed >= 2)
        scene.pass(.seconds(1))
        #expect(scene.fired.count >= 1)
    }

    // MARK: Calendars

    @Test func `a calendar fires at each of its moments`() throws {
        let scene = try Scene()  // 2027-01-15 08:00:00 UTC
        let entry = try scene.book.add(id: "c", try cron("*/5 * * * *"), isFixed: false)
        #expect(scene.book.nextWallNanos(entry) == 1_800_000_300_000_000_000)
        scene.passSeconds(299)
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired.count == 1)
        scene.passSeconds(300)
        #expect(scene.fired.count == 2 && entry.missed == 0)
    }

    @Test func `a clock set forward makes what was passed over come once, within ten seconds`()
        throws
    {
        let scene = try Scene()
        let entry = try scene.book.add(id: "c", try cron("*/5 * * * *"), isFixed: false)
        scene.clock.jumpWall(by: .seconds(3600))
        scene.passSeconds(11)
        #expect(scene.fired.count == 1)
        #expect(entry.missed == 11)
        #expect(scene.book.nextWallNanos(entry) == 1_800_003_900_000_000_000)
    }

    @Test(arguments: [3600, -3600, 1, -1])
    func `a step of the clock that the kernel tells of is followed at once`(_ seconds: Int) throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "c", try cron("*/5 * * * *"), isFixed: false)
        let moment = scene.clock.wallNanos() + 600_000_000_000
        try scene.book.add(id: "at", plan(.at(moment)), isFixed: false)
        scene.clock.jumpWall(by: .seconds(seconds))
        scene.book.clockWasSet()
        scene.loop.step(sleep: false)
        #expect(scene.fired.sorted() == (seconds == 3600 ? ["at", "c"] : []))
        let next = try #require(scene.book.nextWallNanos(entry))
        #expect(next > scene.clock.wallNanos())
        #expect(next <= scene.clock.wallNanos() + 300_000_000_000)
        scene.pass(.nanoseconds(next - scene.clock.wallNanos()))
        #expect(scene.fired.filter { $0 == "c" }.count == (seconds == 3600 ? 2 : 1))
    }

    @Test func `the system's clock is watched as long as a calendar needs it, without waking`()
        throws
    {
        let loop = try EventLoop()
        let book = TimerBook(loop: loop)
        try book.add(id: "every", plan(.every(.seconds(60))), isFixed: false)
        #expect(loop.watchCount == 0)
        let entry = try book.add(id: "c", try cron("@yearly"), isFixed: false)
        #expect(loop.watchCount == 1 && loop.timerCount == 2)
        book.remove(entry)
        book.clockWasSet()
        #expect(loop.watchCount == 0)
        try book.add(id: "c", try cron("@yearly"), isFixed: false)
        #expect(loop.watchCount == 1)
    }

    @Test func `a clock set back a little repeats nothing`() throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "c", try cron("0 * * * *"), isFixed: false)
        scene.passSeconds(3600)
        #expect(scene.fired.count == 1)
        scene.clock.jumpWall(by: .seconds(-1800))
        scene.passSeconds(10)
        #expect(scene.book.nextWallNanos(entry) == 1_800_007_200_000_000_000)
        scene.passSeconds(1900)
        #expect(scene.fired.count == 1)
    }

    @Test func `a clock set back by a day begins the calendar anew`() throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "c", try cron("0 * * * *"), isFixed: false)
        scene.passSeconds(3600)
        scene.clock.jumpWall(by: .seconds(-86_400))
        scene.passSeconds(10)
        let moment: Int64 = (1_800_007_200 - 86_400) * 1_000_000_000
        #expect(scene.book.nextWallNanos(entry) == moment)
    }

    @Test func `a moment waits on when the clock is set back`() throws {
        let scene = try Scene()
        let moment = scene.clock.wallNanos() + 60_000_000_000
        try scene.book.add(id: "at", plan(.at(moment)), isFixed: false)
        scene.clock.jumpWall(by: .seconds(-60))
        scene.passSeconds(119)
        #expect(scene.fired.isEmpty)
        scene.passSeconds(1)
        #expect(scene.fired.count == 1)
    }

    @Test func `the next runs are shown as they will come`() throws {
        let scene = try Scene()
        let daily = try scene.book.add(
            id: "d", try cron("30 2 * * *", "Europe/Berlin"), isFixed: false)
        let days = scene.book.preview(daily, 100)
        #expect(days.count == 100)
        #expect(Timestamp.text(days[0]) == "2027-01-16T01:30:00.000Z")
        #expect(days.map(Timestamp.text).contains("2027-03-28T01:00:00.000Z"))
        var limited = plan(.every(.seconds(7)))
        limited.maxRuns = 3
        let entry = try scene.book.add(id: "e", limited, isFixed: false)
        let start = scene.clock.wallNanos()
        #expect(
            scene.book.preview(entry, 10)
                == [7, 14, 21].map { start + $0 * 1_000_000_000 })
    }

    @Test(arguments: ["0 0 29 2 *", "0 0 29 2 mon#5"])
    func `the preview of a rare moment ends where time can be counted no more`(_ text: String)
        throws
    {
        let scene = try Scene()
        let rare = try scene.book.add(id: "r", try cron(text, "Europe/Berlin"), isFixed: false)
        let moments = scene.book.preview(rare, 100)
        #expect(moments.count > 2 && moments.count < 100)
        #expect(moments == moments.sorted())
    }

    @Test func `zones and days that do not exist are refused`() throws {
        let scene = try Scene()
        #expect(throws: TimerRefusal.self) {
            try scene.book.add(id: "z", try cron("0 0 * * *", "Middle/Earth"), isFixed: false)
        }
        #expect(throws: TimerRefusal.never) {
            try scene.book.add(id: "n", try cron("0 0 31 2 *"), isFixed: false)
        }
        #expect(scene.book.all.isEmpty)
    }

    // MARK: Resting and bounds

    @Test func `a paused timer rests, and goes on where its kind says`() throws {
        let scene = try Scene()
        let after = try scene.book.add(id: "after", plan(.after(.seconds(10))), isFixed: false)
        let every = try scene.book.add(id: "every", plan(.every(.seconds(10))), isFixed: false)
        scene.pass(.seconds(4))
        for entry in [after, every] { scene.book.pause(entry) }
        #expect(scene.book.nextWallNanos(after) == nil)
        scene.pass(.seconds(100))
        #expect(scene.fired.isEmpty)
        for entry in [after, every] { scene.book.resume(entry) }
        scene.pass(.seconds(5))
        #expect(scene.fired.isEmpty)
        scene.pass(.seconds(1))
        #expect(scene.fired.sorted() == ["after", "every"])
    }

    @Test func `a paused timer can be fired by hand`() throws {
        let scene = try Scene()
        let entry = try scene.book.add(id: "p", plan(.every(.seconds(10))), isFixed: false)
        scene.book.pause(entry)
        scene.book.fire(entry)
        #expect(scene.fired == ["p"] && scene.book.has(entry))
    }

    @Test func `timers and their bytes are bounded, those of the configuration apart`() throws {
        let scene = try Scene(bounds: .init(count: 2, bytes: 3_000))
        for id in ["f1", "f2", "f3"] {
            try scene.book.add(id: id, plan(.every(.seconds(1))), isFixed: true)
        }
        let first = try scene.book.add(id: "1", plan(.every(.seconds(1))), isFixed: false)
        try scene.book.add(id: "2", plan(.every(.seconds(1))), isFixed: false)
        #expect(throws: TimerRefusal.tooMany) {
            try scene.book.add(id: "3", plan(.every(.seconds(1))), isFixed: false)
        }
        scene.book.remove(first)
        let large = TimerPlan(
            schedule: .after(.seconds(1)),
            action: .emit(signal: "a", data: Array(repeating: 32, count: 2_500)))
        #expect(throws: TimerRefusal.tooMany) {
            try scene.book.add(id: "4", large, isFixed: false)
        }
        try scene.book.add(id: "5", plan(.every(.seconds(1))), isFixed: false)
    }

    // MARK: Requests

    @Test(
        "a request for a timer names each of its faults",
        arguments: [
            (#"{"every":"1s","emit":{"signal":"a.b","data":1}}"#, [String]()),
            (#"{"at":"2026-12-01T08:00:00Z","call":{"module":"m","command":"c"}}"#, []),
            (#"{"cron":"*/5 * * * *","timezone":"Europe/Berlin","emit":{"signal":"a"}}"#, []),
            (#"{"cron":"@daily","overlap":"queue","jitter":"2s","emit":{"signal":"a"}}"#, []),
            (#"[]"#, [""]), (#"{}"#, ["/every", "/emit"]),
            (#"{"every":"1s","after":"2s","emit":{"signal":"a"}}"#, ["/after"]),
            (#"{"every":"1ms","emit":{"signal":"a"}}"#, ["/every"]),
            (#"{"every":"400d","emit":{"signal":"a"}}"#, ["/every"]),
            (#"{"every":"soon","emit":{"signal":"a b"}}"#, ["/every", "/emit/signal"]),
            (#"{"at":"tomorrow","emit":{"signal":"signalbox.x"}}"#, ["/at", "/emit/signal"]),
            (#"{"every":"1s","emit":{"signal":"a"},"evry":1}"#, ["/evry"]),
            (#"{"every":"1s","emit":{"signal":"a"},"max_runs":0}"#, ["/max_runs"]),
            (#"{"every":"1s","emit":{"signal":"a"},"overlap":"x"}"#, ["/overlap"]),
            (#"{"every":"1s","emit":{"signal":"a"},"jitter":"2d"}"#, ["/jitter"]),
            (#"{"every":"1s","emit":{"signal":"a"},"jitter":"2s"}"#, ["/jitter"]),
            (#"{"every":"2s","emit":{"signal":"a"},"jitter":"2s"}"#, []),
            (#"{"after":"1s","emit":{"signal":"a"},"jitter":"1d"}"#, []),
            (#"{"after":"1s","emit":{"signal":"a"},"jitter":"25h"}"#, ["/jitter"]),
            (#"{"cron":"*/5 * * * *","emit":{"signal":"a"},"jitter":"5m"}"#, []),
            (#"{"cron":"*/5 * * * *","emit":{"signal":"a"},"jitter":"301s"}"#, ["/jitter"]),
            (#"{"cron":"0 23,1 * * *","emit":{"signal":"a"},"jitter":"3h"}"#, ["/jitter"]),
            (#"{"cron":"0 23,1 * * mon","emit":{"signal":"a"},"jitter":"3h"}"#, []),
            (#"{"cron":"@yearly","emit":{"signal":"a"},"jitter":"25h"}"#, ["/jitter"]),
            (#"{"every":"1s","timezone":"UTC","emit":{"signal":"a"}}"#, ["/timezone"]),
            (#"{"cron":"* * * *","emit":{"signal":"a"}}"#, ["/cron"]),
            (#"{"cron":5,"emit":{"signal":"a"}}"#, ["/cron"]),
            (#"{"cron":"@daily","timezone":"../x","emit":{"signal":"a"}}"#, ["/timezone"]),
            (#"{"every":"1s","emit":"a"}"#, ["/emit"]),
            (#"{"every":"1s","emit":{"signal":"a"},"call":1}"#, ["/emit"]),
            (#"{"every":"1s","emit":{}}"#, ["/emit/signal"]),
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
        "a timer is shown in the words by which it is asked for",
        arguments: [
            #"{"after":"90s","emit":{"signal":"a","data":null}}"#,
            #"{"every":"250ms","call":{"module":"m","command":"c","params":{"x":[1]}},"jitter":"100ms"}"#,
            #"{"cron":"0 8 * * 1-5","timezone":"Europe/Berlin","emit":{"signal":"a"},"max_runs":9}"#,
            #"{"at":"2030-12-01T08:00:00.000Z","overlap":"queue","emit":{"signal":"a"}}"#,
        ])
    func roundTrip(_ text: String) throws {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        let plan = try TimerRequest(value).plan
        let shown = JSONBytes.make { json in
            json.beginObject()
            plan.writeMembers(&json)
            json.endObject()
        }
        let again = try shown.withUnsafeBytes { try JSONValue.parse($0) }
        #expect(try TimerRequest(again).plan == plan)
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
