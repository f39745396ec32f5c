// Thread: a POSIX thread with a name. What runs on it is LoopThread's or WorkerPool's business.

internal import CLinux
internal import Glibc

/// What a thread runs, in transit to it.
private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

/// Where threads begin.
///
/// A named function: a closure could inherit the main actor's isolation from the place it is
/// written at, and the runtime would trap on the new thread.
private func enterThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    // SAFETY: the argument is the body that `Thread.init` retained for exactly this call.
    let body = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    // The kernel takes 15 bytes of a name.
    _ = clinux_set_thread_name(String(decoding: body.name.utf8.prefix(15), as: UTF8.self))
    body.run()
    return nil
}

/// A started thread, to be joined or left to itself.
struct Thread: ~Copyable {
    private let identifier: pthread_t

    /// Starts a thread that runs `body`.
    ///
    /// - Throws: `SystemError`: EAGAIN if the process may have no more threads.
    init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let retained = Unmanaged.passRetained(ThreadBody(name, body))
        var fresh = pthread_t()
        let code = pthread_create(&fresh, nil, enterThread, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            throw SystemError("pthread_create", code)
        }
        identifier = fresh
    }

    deinit { pthread_detach(identifier) }

    /// Waits until the thread has ended.
    consuming func join() {
        pthread_join(identifier, nil)
        discard self
    }
}
