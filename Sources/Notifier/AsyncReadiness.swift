// AsyncReadiness: descriptors for tasks. A descriptor is watched only while a task waits for it, so
// that nothing is left behind and an unread descriptor does not keep the loop busy.

internal import CLinux

extension LoopHandle {
    /// Suspends the calling task until `descriptor` is ready for something in `interest`, has hung
    /// up or failed.
    ///
    /// It is watched from the call to the return, also if the task is cancelled, and must stay open
    /// for as long; it must not be watched otherwise meanwhile.
    ///
    /// - Returns: nil if the task was cancelled or the loop has ended.
    /// - Throws: `SystemError` as `EventLoop.watch`.
    public func readiness(
        of descriptor: Int32, _ interest: Interest, name: StaticString = #fileID,
        line: UInt32 = #line
    ) async throws(SystemError) -> Readiness? {
        try await readiness(of: descriptor, interest, CallbackName(.descriptor, name, line: line))
    }

    func readiness(
        of descriptor: Int32, _ interest: Interest, _ name: CallbackName
    ) async throws(SystemError) -> Readiness? {
        let result: Result<Readiness, SystemError>? = await wait(name) { loop, settle in
            do throws(SystemError) {
                let token = try loop.watch(descriptor, interest, name) { ready in
                    settle(.success(ready))
                    return .stop
                }
                return { [unowned loop] in loop.unwatch(token) }
            } catch {
                settle(.failure(error))
                return {}
            }
        }
        return try result?.get()
    }

    /// What `descriptor` is ready for, again and again, until its end or the task's cancellation.
    ///
    /// While the iterating task does something else the descriptor is not watched. An end of the
    /// stream is the last element, unless bytes are left to read.
    public func readinesses(
        of descriptor: Int32, _ interest: Interest, name: StaticString = #fileID,
        line: UInt32 = #line
    ) -> LoopReadiness {
        LoopReadiness(
            handle: self, descriptor: descriptor, interest: interest,
            name: CallbackName(.descriptor, name, line: line))
    }
}

/// What a descriptor is ready for, again and again.
///
/// Any thread.
public struct LoopReadiness: AsyncSequence, Sendable {
    let handle: LoopHandle
    let descriptor: Int32
    let interest: Interest
    let name: CallbackName

    /// Begins to wait when the first element is asked for.
    public func makeAsyncIterator() -> Iterator { Iterator(readiness: self) }

    /// Whether the end has been told.
    public struct Iterator: AsyncIteratorProtocol {
        private let readiness: LoopReadiness
        private var isOver = false

        fileprivate init(readiness: LoopReadiness) { self.readiness = readiness }

        /// Waits until the descriptor is ready; nil after its end, and when the task is cancelled
        /// or the loop has ended.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SystemError) -> Readiness? {
            if isOver {
                // Whatever was told last time: while bytes are unread there is something to tell.
                var unread: Int32 = 0
                guard clinux_unread(readiness.descriptor, &unread) == 0, unread > 0 else {
                    return nil
                }
            }
            let found = try await readiness.handle.readiness(
                of: readiness.descriptor, readiness.interest, readiness.name)
            isOver = found.map { !$0.isDisjoint(with: .ended) } ?? true
            return found
        }
    }
}
