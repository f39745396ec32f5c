// Guarded: a value behind a lock, for the few places where threads meet: mailbox, worker queue,
// list of children to reap, addresses of peers.

internal import Synchronization

/// A value that one thread at a time may touch.
///
/// Any thread. A `Mutex` whose order of owners the thread sanitizer can see: the slow path of
/// `Mutex` lies in a library it does not instrument, so it reports races wherever threads wait for
/// each other. The two accesses of `order` show it who came after whom; they cost two moves.
package struct Guarded<Value: ~Copyable>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let order = Atomic<Bool>(false)

    /// Guards `value`.
    package init(_ value: consuming sending Value) {
        mutex = Mutex(value)
    }

    /// Calls `body` with the value while no other thread has it.
    @inline(__always)
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { value throws(Failure) in
            _ = order.load(ordering: .acquiring)
            defer { order.store(true, ordering: .releasing) }
            return try body(&value)
        }
    }
}
