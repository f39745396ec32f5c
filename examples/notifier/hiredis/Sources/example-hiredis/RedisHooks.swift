// RedisHooks: a C library's event hooks on our loop. hiredis does not wait for anything itself: it
// says through five functions what it wants to know of its socket, and is told by two others. Every
// C library with such hooks (libcurl, c-ares, libpq …) is hosted in the same way.

import CHiredis
import Notifier

/// Watches one Redis connection for hiredis.
final class RedisHooks {
    private let context: UnsafeMutablePointer<redisAsyncContext>
    private let loop: EventLoop
    private var interest: Interest = []
    private var watch: WatchToken?

    /// Lets `loop` host the connection `context`, until hiredis lets go of it.
    static func attach(_ context: UnsafeMutablePointer<redisAsyncContext>, to loop: EventLoop) {
        let hooks = RedisHooks(context, loop)
        // hiredis holds the object, as a plain pointer; `cleanup` gives it back.
        hiredis_set_hooks(
            context, Unmanaged.passRetained(hooks).toOpaque(),
            { RedisHooks.at($0).want(.read, true) }, { RedisHooks.at($0).want(.read, false) },
            { RedisHooks.at($0).want(.write, true) }, { RedisHooks.at($0).want(.write, false) },
            { RedisHooks.end($0) })
    }

    private init(_ context: UnsafeMutablePointer<redisAsyncContext>, _ loop: EventLoop) {
        self.context = context
        self.loop = loop
    }

    private static func at(_ data: UnsafeMutableRawPointer?) -> RedisHooks {
        guard let data else { preconditionFailure("hiredis lost its data") }
        return Unmanaged<RedisHooks>.fromOpaque(data).takeUnretainedValue()
    }

    private static func end(_ data: UnsafeMutableRawPointer?) {
        guard let data else { return }
        let hooks = Unmanaged<RedisHooks>.fromOpaque(data).takeRetainedValue()
        // hiredis closes the socket next: it must not be watched any more.
        if let watch = hooks.watch { hooks.loop.unwatch(watch) }
        hooks.watch = nil
    }

    /// hiredis wants to know of `event`, or no longer.
    private func want(_ event: Interest, _ isWanted: Bool) {
        if isWanted { interest.insert(event) } else { interest.remove(event) }
        if let watch {
            loop.change(watch, to: interest)
        } else if !interest.isEmpty {
            watch = try? loop.watch(context.pointee.c.fd, interest) { [unowned self] in tell($0) }
        }
    }

    /// Tells hiredis that the socket is ready.
    ///
    /// Either call below may end the connection, and with it this object's
    /// watch; a failure is for hiredis to find out by reading.
    private func tell(_ ready: Readiness) -> Disposition {
        withExtendedLifetime(self) {
            if !ready.isDisjoint(with: [.read, .peerClosed, .hangUp, .error]) {
                redisAsyncHandleRead(context)
            }
            if watch != nil, ready.contains(.write) { redisAsyncHandleWrite(context) }
            return .keep
        }
    }
}
