// RemoteObserver: how a caller on one loop hears of a call whose module lives on another. What is on
// its way is bounded: a module that reports faster than the caller's loop can take is not believed
// to be in a hurry, and the surplus is dropped and counted.

internal import Bytes
internal import Notifier

/// A caller who watches a call from another loop.
///
/// Any thread.
struct RemoteObserver: Sendable {
    /// Bytes on their way between two loops at most, for each call.
    static let byteLimit = 256 << 10

    private let observer: LoopBound<CallObserver>
    private let home: LoopAddress
    private let wantsOutput: Bool

    init(_ observer: CallObserver, home: LoopAddress, loop: EventLoop) {
        self.observer = LoopBound(observer, loop.handle)
        self.home = home
        wantsOutput = observer.output != nil
    }

    /// What the module's loop has under way; the other loop's receipts bring it down.
    private final class Flow {
        var byteCount = 0
        var dropped = 0
    }

    /// The observer that stands in for the caller on the module's loop.
    func proxy(on owner: LoopAddress, _ loop: EventLoop) -> CallObserver {
        let flow = Flow()
        let receipts = LoopBound(flow, loop.handle)
        let (observer, home) = (observer, home)
        let pass = { (bytes: UnsafeRawBufferPointer, isProgress: Bool) in
            guard flow.byteCount == 0 || flow.byteCount + bytes.count <= Self.byteLimit else {
                if isProgress { flow.dropped += 1 }
                return
            }
            let copy = Payload(bytes)
            let dropped = isProgress ? flow.dropped : 0
            if isProgress { flow.dropped = 0 }
            flow.byteCount += copy.count
            home.post { _ in
                if isProgress {
                    observer.value.progress(copy.bytes, dropped)
                } else {
                    observer.value.output?(copy.bytes)
                }
                owner.post { _ in receipts.value.byteCount -= copy.count }
            }
        }
        return CallObserver(
            progress: { value, dropped in
                flow.dropped += dropped
                pass(value, true)
            }, output: wantsOutput ? { pass($0, false) } : nil)
    }
}
