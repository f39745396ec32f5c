// JSONElements: the elements of one array, cut out one after the other without building a tree, as
// JSONMembers does for objects.

/// The elements of the array that is the outermost value of a text.
///
/// The bytes given to `init` must outlive the iteration.
package struct JSONElements {
    private var cursor: JSONCursor
    private let innerDepth: Int
    private var isFirst = true
    private var isDone = false

    /// Stands before the first element of the array `input`.
    ///
    /// - Throws: `JSONError` with `notAnArray` if it is another kind of value.
    package init(
        of input: UnsafeRawBufferPointer, maxDepth: Int = JSONScanner.defaultDepth
    ) throws(JSONError) {
        cursor = JSONCursor(input)
        innerDepth = JSONNesting.limit(maxDepth) &- 1
        try cursor.begin()
        guard try cursor.kind() == .array else { throw cursor.failure(.notAnArray) }
        guard innerDepth >= 0 else { throw cursor.failure(.tooDeep) }
        cursor.index &+= 1
    }

    /// The next element, or nil when the array and the text have ended properly.
    package mutating func next() throws(JSONError) -> JSONSpan? {
        if isDone { return nil }
        cursor.skipBlanks()
        if cursor.take(UInt8(ascii: "]")) {
            isDone = true
            try cursor.finish()
            return nil
        }
        if !isFirst {
            guard cursor.take(UInt8(ascii: ",")) else {
                throw cursor.failure(.expectedCommaOrBracket)
            }
            cursor.skipBlanks()
        }
        isFirst = false
        let start = cursor.index
        try cursor.skipValue(maxDepth: innerDepth)
        return JSONSpan(start: start, end: cursor.index)
    }
}
