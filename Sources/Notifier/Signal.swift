// Signal: an in-process event with typed arguments. Those of the operating system are
// ProcessSignals.swift; a namespace of named signals is SignalProvider.swift.

/// Names one connection of a handler to a signal; worthless once it is disconnected.
public struct SignalToken: Hashable, Sendable {
    let number: UInt64
}

/// An event that handlers can be connected to.
///
/// Loop-confined. Emission is synchronous, in the order of connection, over a snapshot: a handler
/// connected during an emission waits for the next one, and one disconnected during an emission is
/// not called any more. Nothing is removed behind anybody's back: a handler says `.keep` or
/// `.stop`, or is disconnected by its token.
public final class Signal<Argument> {
    /// What is called with the argument of an emission.
    public typealias Handler = (Argument) throws -> Disposition

    @usableFromInline
    struct Connection {
        @usableFromInline let number: UInt64
        @usableFromInline let handler: Handler
        @usableFromInline let name: CallbackName

        init(_ number: UInt64, _ name: CallbackName, _ handler: @escaping Handler) {
            self.number = number
            self.name = name
            self.handler = handler
        }
    }

    @exclusivity(unchecked) @usableFromInline var connections: ContiguousArray<Connection> = []
    /// Number of disconnections so far: while an emission sees no new one, it need not ask whether
    /// a handler of its snapshot is still connected.
    @exclusivity(unchecked) @usableFromInline var disconnectionCount = 0
    private var nextNumber: UInt64 = 1
    private weak var loop: EventLoop?

    /// Makes a signal nobody is connected to.
    ///
    /// - Parameter loop: whose `failurePolicy` says what becomes of a handler that throws. Without
    ///   one the failure is written to standard error, and the handler disconnected.
    public init(on loop: EventLoop? = nil) {
        self.loop = loop
    }

    /// Number of connected handlers.
    public var connectionCount: Int { connections.count }

    /// Connects `handler`; one that is connected twice is called twice.
    ///
    /// A handler that throws keeps no other from being called. `name` is what it is called in
    /// reports; by default where it was connected.
    @discardableResult
    public func connect(
        name: StaticString = #fileID, line: UInt32 = #line, _ handler: @escaping Handler
    ) -> SignalToken {
        connect(CallbackName(.signal, name, line: line), handler)
    }

    /// Connects under a name that the caller has from somebody else.
    func connect(_ name: CallbackName, _ handler: @escaping Handler) -> SignalToken {
        let token = SignalToken(number: nextNumber)
        nextNumber += 1
        connections.append(Connection(token.number, name, handler))
        return token
    }

    /// Disconnects a handler; returns whether it was connected.
    @discardableResult
    public func disconnect(_ token: SignalToken) -> Bool {
        disconnect(number: token.number)
    }

    /// Calls every connected handler with `argument`.
    @inlinable
    public func emit(_ argument: Argument) {
        let snapshot = connections
        let countBefore = disconnectionCount
        for connection in snapshot {
            if disconnectionCount != countBefore, !isConnected(connection.number) { continue }
            let disposition: Disposition
            do {
                disposition = try connection.handler(argument)
            } catch {
                disposition = noteFailure(error, connection.name)
            }
            if disposition == .stop { disconnect(number: connection.number) }
        }
    }

    @inline(never) @usableFromInline
    func noteFailure(_ error: any Error, _ name: CallbackName) -> Disposition {
        if let loop { return loop.noteFailure(error, name) }
        CallbackFailure.report(CallbackFailure(name: name, error: error, loopName: ""))
        return .stop
    }

    @usableFromInline
    func isConnected(_ number: UInt64) -> Bool {
        connections.contains { $0.number == number }
    }

    @discardableResult
    @usableFromInline
    func disconnect(number: UInt64) -> Bool {
        guard let place = connections.firstIndex(where: { $0.number == number }) else {
            return false
        }
        connections.remove(at: place)
        disconnectionCount &+= 1
        return true
    }
}

extension Signal where Argument == Void {
    /// Calls every connected handler.
    @inlinable
    public func emit() { emit(()) }
}
