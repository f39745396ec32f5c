// Emission: what became of a signal that somebody emitted.

internal import Bytes

/// What became of an emission.
enum Emission: Sendable, Equatable {
    /// It has that number, and so many streams asked for it.
    case emitted(UInt64, subscribers: Int)
    /// It had been emitted before, under the same key.
    case repeated(UInt64, subscribers: Int)
    /// It is on its way to the disk, and gets its number there; `isRepeated`: it was already.
    case held(ticket: UInt64, subscribers: Int, isRepeated: Bool)
    /// Something else had been emitted under the same key.
    case keyIsTaken
    /// Its data is longer than the limit, in bytes.
    case tooLarge(limit: Int)
    /// It was to be stored and could not be, for that reason; nobody has heard of it.
    case notStored(String)
}

/// A durable emission on its way to the disk.
///
/// Any thread.
struct HeldEmission: Sendable {
    /// What its emitter waits for.
    let ticket: UInt64
    /// What was emitted, and when, in nanoseconds since 1970.
    let name: Payload
    let data: Payload
    let wallNanos: Int64
    /// Number of reactions that lie behind it.
    let depth: Int
    /// Its Idempotency-Key.
    let key: Payload?

    /// Bytes it keeps in memory.
    var byteCount: Int { name.count + data.count + 160 }

    /// The event that it becomes.
    func event(_ sequence: UInt64) -> SignalEvent {
        SignalEvent(
            sequence: sequence, name: name, data: data, wallNanos: wallNanos, depth: depth)
    }
}
