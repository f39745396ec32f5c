// WallClockWatch: hears when the wall clock is set, from the kernel: a timerfd with
// TFD_TIMER_CANCEL_ON_SET becomes readable whenever CLOCK_REALTIME steps – by an operator, by NTP, or
// because the machine has slept – and never when it only runs a little faster or slower.

internal import CLinux
internal import Glibc

/// Tells a loop that the system's wall clock was set.
///
/// Loop-confined.
package final class WallClockWatch {
    private unowned let loop: EventLoop
    private let descriptor: Descriptor
    private var token: WatchToken?

    /// Calls `callback` on `loop` after each step of the wall clock.
    ///
    /// Until `close` or the end of the loop. Steps that follow each other within a turn may count as
    /// one.
    ///
    /// - Throws: `SystemError` where the kernel cannot tell, as in some sandboxes, and ENOTSUP for
    ///   a loop whose time is not the system's.
    package convenience init(
        _ loop: EventLoop, name: StaticString = #fileID, line: UInt32 = #line,
        _ callback: @escaping () -> Void
    ) throws(SystemError) {
        guard loop.clock is SystemClock else { throw SystemError("timerfd_create", ENOTSUP) }
        // The end of time: the kernel takes it for as late as it can count.
        try self.init(loop, CallbackName(.descriptor, name, line: line), until: .max, callback)
    }

    /// The same with a timer that also ends at `end`, in seconds since 1970, once.
    init(
        _ loop: EventLoop, _ name: CallbackName, until end: Int, _ callback: @escaping () -> Void
    ) throws(SystemError) {
        let number = timerfd_create(CLOCK_REALTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("timerfd_create") }
        self.loop = loop
        descriptor = Descriptor(owning: number)
        try Self.arm(number, until: end)
        // The registration keeps this object alive until it is closed.
        token = try loop.watch(number, .read, name) { [self] _ in
            guard rearm() else { return .stop }
            callback()
            return .keep
        }
    }

    /// Hears no more.
    package func close() {
        if let token { loop.unwatch(token) }
        token = nil
    }

    /// The descriptor's number, for tests.
    var number: Int32 { descriptor.number }

    /// Takes what the kernel has to say and waits for the next step; false if that is impossible.
    private func rearm() -> Bool {
        var expirations: UInt64 = 0
        // ECANCELED is the answer after a step; armed anew first, so that no step goes unheard.
        _ = read(descriptor.number, &expirations, MemoryLayout<UInt64>.size)
        do throws(SystemError) {
            try Self.arm(descriptor.number, until: .max)
            return true
        } catch {
            token = nil
            return false
        }
    }

    private static func arm(_ number: Int32, until end: Int) throws(SystemError) {
        var moment = itimerspec()
        moment.it_value.tv_sec = end
        let flags = Int32(TFD_TIMER_ABSTIME) | Int32(TFD_TIMER_CANCEL_ON_SET)
        // EINVAL where steps are not told of (gVisor).
        guard timerfd_settime(number, flags, &moment, nil) == 0 else {
            throw SystemError("timerfd_settime")
        }
    }
}
