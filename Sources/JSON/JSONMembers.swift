// JSONMembers: the members of one object, cut out one after the other without building a tree.
// Arrays have JSONElements. Each has checked what it has gone past, and the whole text once `next`
// has returned nil.

/// The members of the object that is the outermost value of a text.
///
/// The bytes given to `init` must outlive the iteration.
package struct JSONMembers {
    /// A key, as the span within its quotes with escapes not decoded, and its value.
    package struct Member: Sendable, Equatable {
        /// The key without its quotes.
        package let key: JSONSpan
        /// The whole value.
        package let value: JSONSpan
    }

    private var cursor: JSONCursor
    private var keys: JSONKeySet?
    private let innerDepth: Int
    private var isFirst = true
    private var isDone = false

    /// Stands before the first member of the object `input`.
    ///
    /// - Throws: `JSONError` with `notAnObject` if it is another kind of value.
    package init(
        of input: UnsafeRawBufferPointer, maxDepth: Int = JSONScanner.defaultDepth,
        duplicates: JSONScanner.DuplicateKeys = .refuse
    ) throws(JSONError) {
        cursor = JSONCursor(input)
        keys = duplicates == .refuse ? JSONKeySet() : nil
        innerDepth = JSONNesting.limit(maxDepth) &- 1
        try cursor.begin()
        guard try cursor.kind() == .object else { throw cursor.failure(.notAnObject) }
        guard innerDepth >= 0 else { throw cursor.failure(.tooDeep) }
        cursor.index &+= 1
    }

    /// The next member, or nil when the object and the text have ended properly.
    package mutating func next() throws(JSONError) -> Member? {
        if isDone { return nil }
        cursor.skipBlanks()
        if cursor.take(UInt8(ascii: "}")) {
            isDone = true
            try cursor.finish()
            return nil
        }
        if !isFirst {
            guard cursor.take(UInt8(ascii: ",")) else {
                throw cursor.failure(.expectedCommaOrBrace)
            }
            cursor.skipBlanks()
        }
        isFirst = false
        let key = try cursor.skipKey()
        if keys?.insert(key, in: cursor.bytes) == false {
            throw JSONError(.duplicateKey, at: key.start)
        }
        let start = cursor.index
        try cursor.skipValue(maxDepth: innerDepth)
        return Member(key: key, value: JSONSpan(start: start, end: cursor.index))
    }
}
