// WorkerDesk: the callbacks of a loop that wait for news from worker threads, by number.

/// Something that hears progress messages of one type.
///
/// Loop-confined.
protocol WorkerListener<Message>: AnyObject {
    associatedtype Message

    /// Takes a message in.
    func hear(_ message: Message, on loop: EventLoop)
}

/// What the owner of a piece of work wants to hear.
///
/// Loop-confined.
final class WorkerCallbacks<Value: Sendable, Message: Sendable>: WorkerListener {
    private var progress: (Message) throws -> Void
    let then: (Result<Value, any Error>) throws -> Void

    init(
        progress: @escaping (Message) throws -> Void,
        then: @escaping (Result<Value, any Error>) throws -> Void
    ) {
        self.progress = progress
        self.then = then
    }

    /// Passes a message on; a listener that throws may lose the rest, but not the result.
    func hear(_ message: Message, on loop: EventLoop) {
        do {
            try progress(message)
        } catch {
            if loop.noteFailure(error) == .stop { progress = { _ in } }
        }
    }
}

/// The callbacks of one loop.
///
/// Loop-confined.
final class WorkerDesk: LoopLocal {
    private var waiting: [UInt64: AnyObject] = [:]
    private var nextNumber: UInt64 = 0

    init(loop: EventLoop) {}

    /// Keeps callbacks until they are taken; returns their number.
    func add(_ callbacks: AnyObject) -> UInt64 {
        nextNumber += 1
        waiting[nextNumber] = callbacks
        return nextNumber
    }

    /// The callbacks of `number`, if they still wait.
    func find<Kind>(_ number: UInt64, as kind: Kind.Type) -> Kind? {
        waiting[number] as? Kind
    }

    /// Takes the callbacks of `number` away.
    func take<Kind>(_ number: UInt64, as kind: Kind.Type) -> Kind? {
        waiting.removeValue(forKey: number) as? Kind
    }

    /// Forgets the callbacks of `number`.
    func remove(_ number: UInt64) {
        waiting[number] = nil
    }
}
