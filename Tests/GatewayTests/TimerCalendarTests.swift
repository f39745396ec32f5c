// Timers that follow the calendar, and clocks that are set.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct TimerCalendarTests {
    @Test func `a calendar fires at each of its moments`() throws {
        let scene = try TimerScene()  // 2027-01-15 08:00:00 UTC
        let entry = try scene.book.add(id: "c", try TimerPlan.cron("*/5 * * * *"), isFixed: false)
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
        let scene = try TimerScene()
        let entry = try scene.book.add(id: "c", try TimerPlan.cron("*/5 * * * *"), isFixed: false)
        scene.clock.jumpWall(by: .seconds(3600))
        scene.passSeconds(11)
        #expect(scene.fired.count == 1)
        #expect(entry.missed == 11)
        #expect(scene.book.nextWallNanos(entry) == 1_800_003_900_000_000_000)
    }

    @Test(arguments: [3600, -3600, 1, -1])
    func `a step of the clock that the kernel tells of is followed at once`(_ seconds: Int) throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(id: "c", try TimerPlan.cron("*/5 * * * *"), isFixed: false)
        let moment = scene.clock.wallNanos() + 600_000_000_000
        try scene.book.add(id: "at", TimerPlan.emitting(.at(moment)), isFixed: false)
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
        try book.add(id: "every", TimerPlan.emitting(.every(.seconds(60))), isFixed: false)
        #expect(loop.watchCount == 0)
        let entry = try book.add(id: "c", try TimerPlan.cron("@yearly"), isFixed: false)
        #expect(loop.watchCount == 1 && loop.timerCount == 2)
        book.remove(entry)
        book.clockWasSet()
        #expect(loop.watchCount == 0)
        try book.add(id: "c", try TimerPlan.cron("@yearly"), isFixed: false)
        #expect(loop.watchCount == 1)
    }

    @Test func `a clock set back a little repeats nothing`() throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(id: "c", try TimerPlan.cron("0 * * * *"), isFixed: false)
        scene.passSeconds(3600)
        #expect(scene.fired.count == 1)
        scene.clock.jumpWall(by: .seconds(-1800))
        scene.passSeconds(10)
        #expect(scene.book.nextWallNanos(entry) == 1_800_007_200_000_000_000)
        scene.passSeconds(1900)
        #expect(scene.fired.count == 1)
    }

    @Test func `a clock set back by a day begins the calendar anew`() throws {
        let scene = try TimerScene()
        let entry = try scene.book.add(id: "c", try TimerPlan.cron("0 * * * *"), isFixed: false)
        scene.passSeconds(3600)
        scene.clock.jumpWall(by: .seconds(-86_400))
        scene.passSeconds(10)
        let moment: Int64 = (1_800_007_200 - 86_400) * 1_000_000_000
        #expect(scene.book.nextWallNanos(entry) == moment)
    }

    @Test func `a moment waits on when the clock is set back`() throws {
        let scene = try TimerScene()
        let moment = scene.clock.wallNanos() + 60_000_000_000
        try scene.book.add(id: "at", TimerPlan.emitting(.at(moment)), isFixed: false)
        scene.clock.jumpWall(by: .seconds(-60))
        scene.passSeconds(119)
        #expect(scene.fired.isEmpty)
        scene.passSeconds(1)
        #expect(scene.fired.count == 1)
    }

    @Test func `the next runs are shown as they will come`() throws {
        let scene = try TimerScene()
        let daily = try scene.book.add(
            id: "d", try TimerPlan.cron("30 2 * * *", "Europe/Berlin"), isFixed: false)
        let days = scene.book.preview(daily, 100)
        #expect(days.count == 100)
        #expect(Timestamp.text(days[0]) == "2027-01-16T01:30:00.000Z")
        #expect(days.map(Timestamp.text).contains("2027-03-28T01:00:00.000Z"))
        var limited = TimerPlan.emitting(.every(.seconds(7)))
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
        let scene = try TimerScene()
        let rare = try scene.book.add(
            id: "r", try TimerPlan.cron(text, "Europe/Berlin"), isFixed: false)
        let moments = scene.book.preview(rare, 100)
        #expect(moments.count > 2 && moments.count < 100)
        #expect(moments == moments.sorted())
    }

    @Test func `zones and days that do not exist are refused`() throws {
        let scene = try TimerScene()
        #expect(throws: TimerRefusal.self) {
            try scene.book.add(
                id: "z", try TimerPlan.cron("0 0 * * *", "Middle/Earth"), isFixed: false)
        }
        #expect(throws: TimerRefusal.never) {
            try scene.book.add(id: "n", try TimerPlan.cron("0 0 31 2 *"), isFixed: false)
        }
        #expect(scene.book.all.isEmpty)
    }
}
