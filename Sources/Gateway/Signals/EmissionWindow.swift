// EmissionWindow: the Idempotency-Keys of the last emissions, so that a client that did not hear the
// answer may ask again without emitting twice. Sans-IO.

internal import Bytes

/// The keyed emissions of the last minutes.
///
/// Loop-confined.
struct EmissionWindow {
    /// Longest key in bytes; a UUID has 36.
    static let keyByteLimit = 255

    /// Keys remembered at most: a few megabytes.
    static let limit = 10_000

    /// How long a key is remembered, in nanoseconds: ten minutes outlast every sane retry.
    static let ageNanos: Int64 = 600_000_000_000

    /// What became of a keyed emission.
    struct Record {
        /// The number of the event; 0 while it is on its way to the disk.
        var sequence: UInt64
        /// What tells it from others meanwhile; 0 for events that are not stored.
        var ticket: UInt64 = 0
        /// How many streams asked for it.
        var subscribers: Int
        /// What it was, so that another emission under the same key is noticed.
        var digest: Int
        /// When, in nanoseconds since 1970.
        var wallNanos: Int64
    }

    private struct Key: Hashable {
        let text: [UInt8]
    }

    private var records: [Key: Record] = [:]
    private var order: [Key] = []
    private var first = 0

    /// Makes an empty window.
    init() {}

    /// Number of keys remembered.
    var count: Int { records.count }

    /// What tells one emission from another.
    static func digest(_ name: Payload, _ data: Payload) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: name.bytes)
        hasher.combine(0 as UInt8)
        hasher.combine(bytes: data.bytes)
        return hasher.finalize()
    }

    /// The emission under `key`, if it is remembered.
    mutating func find(_ key: Payload, wallNanos: Int64) -> Record? {
        while first < order.count, let oldest = records[order[first]],
            wallNanos &- oldest.wallNanos > Self.ageNanos
        {
            dropOldest()
        }
        return records[Key(text: Array(key.bytes))]
    }

    /// Remembers an emission under a key that is not there.
    mutating func insert(_ key: Payload, _ record: Record) {
        if records.count >= Self.limit { dropOldest() }
        let key = Key(text: Array(key.bytes))
        records[key] = record
        order.append(key)
    }

    /// Notes the number that an emission has got on its way to the disk.
    mutating func settle(_ key: Payload, ticket: UInt64, _ sequence: UInt64) {
        let key = Key(text: Array(key.bytes))
        if records[key]?.ticket == ticket { records[key]?.sequence = sequence }
    }

    /// Forgets an emission that came to nothing, so that its key is free again.
    mutating func forget(_ key: Payload, ticket: UInt64) {
        let key = Key(text: Array(key.bytes))
        if records[key]?.ticket == ticket { records[key] = nil }
    }

    private mutating func dropOldest() {
        guard first < order.count else { return }
        records[order[first]] = nil
        first += 1
        if first * 2 > order.count {
            order.removeFirst(first)
            first = 0
        }
    }
}
