// LoopBound: a confined value in transit. It may travel through any thread, but opens only at home.

/// Carries a loop-confined value through code that must be Sendable.
///
/// Any thread.
public struct LoopBound<Value>: @unchecked Sendable {
    // SAFETY: @unchecked because Value is confined; every access checks that it happens on the
    // value's own loop, where the value is used by one thread only.
    private let content: Value
    private let home: LoopHandle

    /// Wraps `value`, which belongs to the loop behind `home`.
    public init(_ value: Value, _ home: LoopHandle) {
        content = value
        self.home = home
    }

    /// The value; only on its own loop.
    public var value: Value {
        precondition(home.isOnLoop, "a loop-bound value was opened on another thread")
        return content
    }
}
