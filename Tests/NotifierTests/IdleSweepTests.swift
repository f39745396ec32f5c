import Notifier
import Testing

@Suite final class IdleSweepTests {
    private let clock = ManualClock()
    private let loop: EventLoop
    private let sweep = IdleSweep()

    init() throws {
        loop = try EventLoop(clock: clock)
        loop.addIdleSweep(sweep)
    }

    deinit { loop.close() }

    private func advance(_ time: Duration) {
        clock.advance(by: time)
        loop.step(sleep: false)
    }

    @Test func `an armed slot expires once, not before its time`() {
        var expired: [Int] = []
        sweep.onExpired = { expired.append($0) }
        sweep.arm(3, ticks: IdleSweep.ticks(.seconds(5)))
        advance(.milliseconds(4_999))
        #expect(expired == [])
        advance(.milliseconds(101))
        #expect(expired == [3])
        advance(.seconds(60))
        #expect(expired == [3])
    }

    @Test func `arming again moves the deadline away`() {
        var expired: [Int] = []
        sweep.onExpired = { expired.append($0) }
        sweep.arm(0, ticks: 10)
        advance(.milliseconds(900))
        sweep.arm(0, ticks: 10)
        advance(.milliseconds(900))
        #expect(expired == [])
        advance(.milliseconds(100))
        #expect(expired == [0])
    }

    @Test func `a disarmed slot does not expire`() {
        var expired: [Int] = []
        sweep.onExpired = { expired.append($0) }
        sweep.arm(0, ticks: 1)
        sweep.arm(1, ticks: 1)
        sweep.disarm(0)
        sweep.disarm(1000)
        advance(.seconds(1))
        #expect(expired == [1])
    }

    @Test func `an expired slot may arm itself and others`() {
        var expired: [Int] = []
        sweep.onExpired = { [unowned sweep] slot in
            expired.append(slot)
            if expired.count < 3 { sweep.arm(slot + 100, ticks: 1) }
        }
        sweep.arm(0, ticks: 1)
        for _ in 0..<5 { advance(.milliseconds(100)) }
        #expect(expired == [0, 100, 200])
    }

    @Test func `bytes that arrived in time beat the deadline`() throws {
        let pipe = try Pipe()
        var expired = 0
        sweep.onExpired = { _ in expired += 1 }
        sweep.arm(0, ticks: 1)
        _ = try loop.watch(pipe.read.number, .read) { [sweep] _ in
            sweep.disarm(0)
            return .stop
        }
        send("x", to: pipe.write.number)
        advance(.seconds(1))
        #expect(expired == 0)
    }

    @Test(
        arguments: [
            (Duration.zero, 1), (.milliseconds(1), 1), (.milliseconds(100), 2), (.seconds(1), 11),
            (.seconds(-1), 1), (.seconds(Int64.max), 92_233_720_369),
        ] as [(Duration, UInt64)])
    func `ticks last at least as long as asked`(time: Duration, ticks: UInt64) {
        #expect(UInt64(IdleSweep.ticks(time)) == min(ticks, UInt64(UInt32.max)))
    }
}
