// SignalProvider: a namespace of named signals, for those who know each other by name only.

/// What is wrong with a signal's name.
public enum SignalError: Error, Equatable, CustomStringConvertible {
    /// There is a signal of this name already.
    case exists(String)
    /// There is no signal of this name.
    case unknown(String)
    /// The signal of this name carries arguments of type `carries`.
    case otherArgument(name: String, carries: String)

    /// Says what is wrong.
    public var description: String {
        switch self {
        case .exists(let name): "signal '\(name)' exists already"
        case .unknown(let name): "there is no signal '\(name)'"
        case .otherArgument(let name, let carries): "signal '\(name)' carries \(carries)"
        }
    }
}

/// Signals by name.
///
/// Loop-confined. An object that has signals of its own holds a provider; there is no global one.
public final class SignalProvider {
    private struct Entry {
        let signal: AnyObject
        let argument: String
        let disconnect: (SignalToken) -> Bool
    }

    private var entries: [String: Entry] = [:]

    private weak var loop: EventLoop?

    /// Makes an empty namespace, whose signals are made with `loop` (see `Signal.init`).
    public init(on loop: EventLoop? = nil) {
        self.loop = loop
    }

    /// The names of the signals, sorted.
    public var names: [String] { entries.keys.sorted() }

    /// Makes the signal `name` with arguments of type `argument`.
    ///
    /// - Throws: `SignalError.exists`.
    @discardableResult
    public func new<Argument>(
        _ name: String, of argument: Argument.Type = Void.self
    ) throws(SignalError) -> Signal<Argument> {
        guard entries[name] == nil else { throw .exists(name) }
        let signal = Signal<Argument>(on: loop)
        entries[name] = Entry(
            signal: signal, argument: "\(argument)", disconnect: { signal.disconnect($0) })
        return signal
    }

    /// Whether there is a signal `name`.
    public func exists(_ name: String) -> Bool { entries[name] != nil }

    /// The signal `name`.
    ///
    /// - Throws: `SignalError.unknown`, or `.otherArgument` if its arguments are of another type.
    public func signal<Argument>(
        _ name: String, of argument: Argument.Type = Void.self
    ) throws(SignalError) -> Signal<Argument> {
        guard let entry = entries[name] else { throw .unknown(name) }
        guard let signal = entry.signal as? Signal<Argument> else {
            throw .otherArgument(name: name, carries: entry.argument)
        }
        return signal
    }

    /// Connects `handler` to the signal `name`; `callback` is what it is called in reports.
    ///
    /// - Throws: as `signal`.
    @discardableResult
    public func connect<Argument>(
        _ name: String, callback: StaticString = #fileID, line: UInt32 = #line,
        _ handler: @escaping (Argument) throws -> Disposition
    ) throws(SignalError) -> SignalToken {
        try signal(name, of: Argument.self)
            .connect(CallbackName(.signal, callback, line: line), handler)
    }

    /// Disconnects a handler from the signal `name`; returns whether it was connected.
    ///
    /// - Throws: `SignalError.unknown`.
    @discardableResult
    public func disconnect(_ name: String, _ token: SignalToken) throws(SignalError) -> Bool {
        guard let entry = entries[name] else { throw .unknown(name) }
        return entry.disconnect(token)
    }

    /// Calls every handler of the signal `name` with `argument`.
    ///
    /// - Throws: as `signal`.
    public func emit<Argument>(_ name: String, _ argument: Argument) throws(SignalError) {
        try signal(name, of: Argument.self).emit(argument)
    }

    /// Removes the signal `name`; its handlers are called no more through this provider.
    ///
    /// - Throws: `SignalError.unknown`.
    public func remove(_ name: String) throws(SignalError) {
        guard entries.removeValue(forKey: name) != nil else { throw .unknown(name) }
    }
}
