// Emission: what became of a signal that somebody emitted.

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
