// ByteRange: where something lies in a head, as two 32-bit offsets.
//
// Heads are parsed in place: the parser hands out ranges, and the bytes stay where they were read.
// A range is meaningful only together with the input it was parsed from.

/// A half-open range of byte offsets, counted from the first byte that was handed to the parser.
package struct ByteRange: Equatable, Sendable {
    /// Offset of the first byte.
    package var start: UInt32

    /// Offset behind the last byte; never below `start`.
    package var end: UInt32

    /// Makes the range from `start` up to, not including, `end`.
    package init(start: UInt32, end: UInt32) {
        self.start = start
        self.end = end
    }

    /// Makes a range from two offsets that a head limit keeps below 4 GiB.
    init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    /// The range that holds nothing.
    package static var empty: ByteRange { ByteRange(start: 0, end: 0) }

    /// Number of bytes.
    package var count: Int { Int(end &- start) }

    /// Whether the range holds nothing.
    package var isEmpty: Bool { start == end }
}

extension UnsafeRawBufferPointer {
    /// The bytes at `range`; they live as long as this buffer does.
    @inline(__always)
    package subscript(_ range: ByteRange) -> UnsafeRawBufferPointer {
        precondition(range.start <= range.end && Int(range.end) <= count, "range of another input")
        guard let baseAddress else { return self }
        return UnsafeRawBufferPointer(start: baseAddress + Int(range.start), count: range.count)
    }
}
