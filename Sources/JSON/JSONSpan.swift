// JSONSpan: where something lies in a scanned text. Offsets count from the start of the bytes that
// were given to the scanner; the text itself stays where it is.

/// A range of bytes of a scanned text.
package struct JSONSpan: Sendable, Equatable {
    /// Offset of the first byte.
    package let start: Int

    /// Offset of the byte behind the last one; never less than `start`.
    package let end: Int

    /// Makes the range from `start` up to but not including `end`.
    package init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    /// Number of bytes.
    package var count: Int { end &- start }

    /// A string's span without its quotes; an empty span if there is no room for two.
    package var unquoted: JSONSpan {
        count >= 2
            ? JSONSpan(start: start &+ 1, end: end &- 1) : JSONSpan(start: start, end: start)
    }

    /// The bytes of this span within the text it was found in; empty if it lies outside of `text`.
    package func slice(of text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard start >= 0, start <= end, end <= text.count else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }
}
