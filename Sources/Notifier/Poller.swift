// Poller: epoll and nothing else.
//
// Facts about epoll that shape the rest of the loop:
// - Hang-up and error are reported whether asked for or not; only removal silences them.
// - The interest set is keyed by (number, open file): closing one of two duplicates leaves the
//   entry alive, with a number that can no longer be removed. So descriptors are removed before
//   they are closed, and every event carries a token whose generation tells a stale one. If an
//   owner closed first all the same, only a fresh instance gets rid of the entry.
// - The timeout is in milliseconds: a deadline in 0.3 ms must wait 1 ms, not spin for 0.

internal import CLinux
internal import Glibc

/// Readiness of many descriptors, by epoll.
///
/// Loop-confined.
struct Poller: ~Copyable {
    /// Events taken by one wait.
    ///
    /// More stay ready in the kernel and come with the next.
    static let batch = 512

    private let descriptor: Descriptor

    /// The epoll descriptor, itself pollable.
    var number: Int32 { descriptor.number }

    /// Opens an epoll instance.
    init() throws(SystemError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw SystemError("epoll_create1") }
        descriptor = Descriptor(owning: number)
    }

    /// Adds `watched` under `token`.
    func add(_ watched: Int32, _ events: UInt32, token: UInt64) throws(SystemError) {
        var event = clinux_epoll_event(events, token)
        guard epoll_ctl(number, EPOLL_CTL_ADD, watched, &event) == 0 else {
            throw SystemError("epoll_ctl", subject: "descriptor \(watched)")
        }
    }

    /// Changes what `watched` is watched for.
    ///
    /// - Returns: false if the owner closed the descriptor first: then there is nothing to change,
    ///   even if its number is another's now.
    @discardableResult
    func modify(_ watched: Int32, _ events: UInt32, token: UInt64) -> Bool {
        var event = clinux_epoll_event(events, token)
        return epoll_ctl(number, EPOLL_CTL_MOD, watched, &event) == 0
    }

    /// Changes what `watched` is watched for, if that is or was exclusive, which the kernel changes
    /// only by removing and adding; it is woken last of its peers then.
    ///
    /// - Returns: as `modify`.
    @discardableResult
    func renew(_ watched: Int32, _ events: UInt32, token: UInt64) -> Bool {
        var event = clinux_epoll_event(events, token)
        return epoll_ctl(number, EPOLL_CTL_DEL, watched, &event) == 0
            && epoll_ctl(number, EPOLL_CTL_ADD, watched, &event) == 0
    }

    /// Takes the place of `former`, whose number it gets, so that it is still the one others poll.
    consuming func replace(_ former: borrowing Poller) {
        // Cannot fail: both are open. What `former` had open is closed.
        _ = clinux_replace(number, former.number)
    }

    /// What can be read of `watched` now and whether it has ended; an error if it is no descriptor
    /// any more.
    static func state(of watched: Int32) -> Readiness {
        var question = pollfd(fd: watched, events: Int16(POLLIN), revents: 0)
        guard poll(&question, 1, 0) > 0 else { return [] }
        let answers = Int32(question.revents)
        var state: Readiness = answers & Int32(POLLIN) != 0 ? .read : []
        if answers & Int32(POLLHUP) != 0 { state.insert(.hangUp) }
        if answers & Int32(POLLERR | POLLNVAL) != 0 { state.insert(.error) }
        return state
    }

    /// Removes `watched`.
    func remove(_ watched: Int32) {
        var event = epoll_event()
        _ = epoll_ctl(number, EPOLL_CTL_DEL, watched, &event)
    }

    /// Waits up to `milliseconds` (-1: without limit) and returns how many events it wrote.
    ///
    /// A signal ends the wait early with none.
    func wait(_ milliseconds: Int32, into events: UnsafeMutablePointer<epoll_event>) -> Int {
        let count = clinux_epoll_wait(number, events, Int32(Self.batch), milliseconds)
        // Anything but a signal means that somebody closed our descriptor: going on would spin.
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
        return Int(max(count, 0))
    }

    /// The longest wait epoll understands that does not outlast `nanos`, rounded up.
    static func timeout(nanos: UInt64) -> Int32 {
        let milliseconds = nanos / 1_000_000 + (nanos % 1_000_000 == 0 ? 0 : 1)
        return Int32(clamping: milliseconds)
    }
}
