// A valid text without its blanks. The grammar has been checked before; all that matters here is what
// lies within quotes and what does not.

extension JSONBytes {
    /// Writes the text without blanks between tokens to `room`; returns the number of bytes written.
    ///
    /// The caller has checked that the text is valid and that `room` is at least as long.
    func writeCompact(to room: UnsafeMutableRawBufferPointer) -> Int {
        guard let target = room.baseAddress, room.count >= end else { return 0 }
        var written = 0
        var at = 0
        while at < end {
            let byte = base[at]
            if byte == UInt8(ascii: "\"") {
                let next = min(closingQuote(at &+ 1) &+ 1, end)
                // SAFETY: never more has been written than read, and the room is as long as the text.
                (target + written).copyMemory(from: base + at, byteCount: next &- at)
                written &+= next &- at
                at = next
            } else if byte > 0x20 {
                target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
                written &+= 1
                at &+= 1
            } else {
                // At least one, or a byte that is no blank would hold us here for ever.
                at = max(blanks(at).end, at &+ 1)
            }
        }
        return written
    }

    /// The offset of the quote that ends the string whose content begins at `start`, in a text that
    /// has been found valid; `end` if there is none.
    private func closingQuote(_ start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var at = start
        while at < end {
            if at &+ 8 <= end {
                let bytes = word(at)
                let quote = bytes ^ (ones &* 0x22)
                let backslash = bytes ^ (ones &* 0x5C)
                let marks = ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                let first = (marks & (ones &* 0x80)).trailingZeroBitCount &>> 3
                at &+= first
                if first == 8 { continue }
            }
            if base[at] == UInt8(ascii: "\"") { return at }
            at &+= base[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        return end
    }
}
