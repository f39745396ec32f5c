// LoopAddress: how the loops of the gateway reach each other: by posting, never by calling.

internal import Notifier

/// Reaches the gateway's part on one loop.
///
/// Any thread.
struct LoopAddress: Sendable {
    /// The loop's place in the group; 0 is the control loop.
    let index: Int

    private let handle: LoopHandle
    private let bound: LoopBound<GatewayLoop>

    init(_ target: GatewayLoop) {
        index = target.index
        handle = target.loop.handle
        bound = LoopBound(target, target.loop.handle)
    }

    /// Wraps a value that only that loop may open.
    func bind<Value>(_ value: Value) -> LoopBound<Value> { LoopBound(value, handle) }

    /// Runs `job` on that loop, after everything posted to it before.
    func post(_ job: @escaping @Sendable (GatewayLoop) -> Void) {
        let bound = bound
        handle.post { _ in job(bound.value) }
    }
}
