// LoopLocal: what hangs off a loop without the loop knowing it: one object of each kind, made on
// first use and let go with the loop. Children, workers and sleepers keep their tables this way.

/// An object of which every loop has its own.
///
/// Loop-confined.
public protocol LoopLocal: AnyObject {
    /// Makes the object of `loop`, to which it must hold an unowned reference only.
    init(loop: EventLoop)
}

extension EventLoop {
    /// The object of type `kind` that belongs to this loop, made if there is none yet.
    ///
    /// A dictionary look-up: users on a hot path keep the result.
    public func local<Kind: LoopLocal>(_ kind: Kind.Type) -> Kind {
        if let present = locals[ObjectIdentifier(kind)] as? Kind { return present }
        let fresh = Kind(loop: self)
        locals[ObjectIdentifier(kind)] = fresh
        return fresh
    }
}
