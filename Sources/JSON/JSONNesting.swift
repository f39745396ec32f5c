// JSONNesting: which containers are open, one bit each. The newest 64 live in one word, older ones
// are put away a word at a time, so ordinary documents never touch more than a register.

/// The open containers of a text, innermost last; one bit each says object or array.
struct JSONNesting {
    /// Depth that no caller can exceed: 16 words of 64 bits.
    static let greatestDepth = 1024

    /// The limit that holds when a caller asks for `maxDepth`.
    @inline(__always)
    static func limit(_ maxDepth: Int) -> Int { min(max(maxDepth, 0), greatestDepth) }

    /// Number of open containers.
    private(set) var depth = 0

    // INVARIANT: bit 0 is the innermost container, 1 for an object; bits beyond `depth` are 0.
    private var newest: UInt64 = 0
    private var older = InlineArray<16, UInt64>(repeating: 0)

    /// Whether the innermost open container is an object.
    @inline(__always) var isInObject: Bool { newest & 1 == 1 }

    /// Opens a container.
    ///
    /// The caller has checked that `depth` is below `greatestDepth`.
    @inline(__always)
    mutating func push(isObject: Bool) {
        if depth & 63 == 0 {
            older[depth &>> 6] = newest
            newest = 0
        }
        newest = newest &<< 1 | (isObject ? 1 : 0)
        depth &+= 1
    }

    /// Closes the innermost container.
    ///
    /// The caller has checked that one is open.
    @inline(__always)
    mutating func pop() {
        depth &-= 1
        newest &>>= 1
        if depth & 63 == 0 { newest = older[depth &>> 6] }
    }
}
