// IdleMemory: gives back what a storm has left behind: the spare memory of each loop, and the pages
// of the heap that hold nothing any more.
//
//     a turn with work → two seconds later: each loop trims its pool, the control loop looks at the
//     heap → again, as long as there is work or something left; a gateway that idles is not woken
//
// What one loop holds is for it to know; the heap is the whole process's, and HeapPages looks at it.

internal import Bytes
internal import HTTP
internal import Notifier

/// Trims the spare memory of one loop.
///
/// Loop-confined.
final class IdleMemory {
    /// Pause between a turn with work and the look at what is left: two seconds of not being needed
    /// make a block idle.
    static let interval = Duration.seconds(2)

    /// Called after each look, on the loop.
    var onLook: () -> Void = {}

    private let loop: EventLoop
    private let server: ServerLoop

    /// Begins to look after the memory of `server`.
    init(loop: EventLoop, server: ServerLoop) {
        self.loop = loop
        self.server = server
        server.onActivity = { [unowned self] in arm() }
        server.tellActivity()
    }

    private func arm() {
        loop.addTimer(after: Self.interval) { [unowned self] in
            if server.trimSpares() { arm() } else { server.tellActivity() }
            onLook()
        }
    }
}
