// AsyncSignals: signals as sequences, those of the program and those of the operating system.

extension Signal where Argument: Sendable {
    /// The arguments of the emissions from now on.
    ///
    /// To be called on `loop`, where the signal is emitted. The handler is disconnected when the
    /// sequence is let go or its task cancelled.
    ///
    /// - Parameters:
    ///   - loop: the loop this signal is confined to.
    ///   - buffer: how many arguments wait for the task at most, at least 1.
    ///   - overflow: which is dropped, and counted, when that is exceeded.
    ///   - name: of the handler in reports; by default where the sequence was made.
    ///   - line: goes with the default of `name`.
    public func values(
        on loop: EventLoop, buffer: Int = 64, overflow: BufferOverflow = .dropOldest,
        name: StaticString = #fileID, line: UInt32 = #line
    ) -> LoopValues<Argument> {
        let name = CallbackName(.signal, name, line: line)
        return LoopValues(on: loop, name, buffer: buffer, overflow) { source in
            let token = connect(name) { argument in
                source.push(argument) == .finished ? .stop : .keep
            }
            return { [weak self] in _ = self?.disconnect(token) }
        }
    }
}

extension ProcessSignals {
    /// The POSIX signals that arrive from now on; they must be blocked.
    ///
    /// To be called on `loop`. Delivery ends when the sequence is let go or its task cancelled.
    ///
    /// - Parameters:
    ///   - signals: which ones.
    ///   - loop: which receives them.
    ///   - buffer: how many wait for the task at most, at least 1; then the oldest is dropped.
    ///   - name: of the callback in reports; by default where the sequence was made.
    ///   - line: goes with the default of `name`.
    /// - Throws: `SystemError` if no descriptor is left.
    public static func values(
        _ signals: [ProcessSignal], on loop: EventLoop, buffer: Int = 16,
        name: StaticString = #fileID, line: UInt32 = #line
    ) throws(SystemError) -> LoopValues<ProcessSignal> {
        let callback = CallbackName(.signal, name, line: line)
        return try LoopValues(on: loop, callback, buffer: buffer, .dropOldest) {
            source throws(SystemError) in
            let receiver = try ProcessSignals(signals, on: loop, name: name, line: line) {
                _ = source.push($0)
            }
            return { receiver.close() }
        }
    }
}
