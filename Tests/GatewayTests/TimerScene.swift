// TimerScene: a book of timers whose clock the test moves.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

/// A book and what its timers did.
final class TimerScene {
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

extension TimerPlan {
    /// A plan that emits.
    static func emitting(_ schedule: Schedule) -> TimerPlan {
        TimerPlan(schedule: schedule, action: .emit(signal: "a", data: []))
    }

    /// A plan that emits by the calendar.
    static func cron(_ text: String, _ zone: String? = nil) throws -> TimerPlan {
        emitting(.cron(.init(text: text, expression: try CronExpression(text), timezone: zone)))
    }
}
