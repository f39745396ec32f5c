// JSONScanner: what a carrier of JSON does with a text it does not interpret: check it, put it on
// one line, cut its top level into members or elements. Nothing here builds a tree.
//
// Not here: messages of JSON-RPC (JSONMessageScanner), trees (JSONValue).

package import Bytes

/// Checks and cuts JSON texts in one pass, without recursion and without memory of its own.
///
/// The grammar is RFC 8259 to the letter: UTF-8 without byte order mark, no comments, no trailing
/// commas. `maxDepth` counts nested containers; more than 1,024 are never allowed. Duplicate keys are
/// a matter of interpretation and refused only where members are cut. A `\uD800`…`\uDFFF` escape
/// without its other half is passed on and becomes U+FFFD when a string is made of it.
package enum JSONScanner {
    /// Depth of nested containers that is allowed unless a caller says otherwise.
    package static let defaultDepth = 64

    /// What to do with a key that occurs twice in one object, escapes decoded.
    package enum DuplicateKeys: Sendable {
        case allow, refuse
    }

    /// Checks that `input` is one JSON text.
    ///
    /// - Throws: `JSONError` at the first offending byte.
    package static func validate(
        _ input: UnsafeRawBufferPointer, maxDepth: Int = defaultDepth
    ) throws(JSONError) -> JSONShape {
        var cursor = JSONCursor(input)
        try cursor.begin()
        let kind = try cursor.kind()
        try cursor.skipValue(maxDepth: maxDepth)
        try cursor.finish()
        return JSONShape(
            kind: kind, hasWhitespace: cursor.sawBlank, hasLineBreak: cursor.sawLineBreak)
    }

    /// Checks that `input` is one JSON text and appends it to `output` without blanks between tokens.
    ///
    /// The result fits one line. Strings and numbers are copied as they are. On failure nothing is
    /// appended.
    @discardableResult
    package static func compact(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer,
        maxDepth: Int = defaultDepth
    ) throws(JSONError) -> JSONShape {
        let shape = try validate(input, maxDepth: maxDepth)
        guard shape.hasWhitespace else {
            output.append(input)
            return shape
        }
        output.fill(atLeast: input.count) { room in
            JSONBytes(input).writeCompact(to: room)
        }
        return JSONShape(kind: shape.kind, hasWhitespace: false, hasLineBreak: false)
    }

    /// Checks that `input` is one object and calls `body` with each of its members in order.
    ///
    /// Keys are spans within their quotes, escapes not decoded; values are whole. `body` has been
    /// called for the members before a fault when the error is thrown.
    package static func members(
        of input: UnsafeRawBufferPointer, maxDepth: Int = defaultDepth,
        duplicates: DuplicateKeys = .refuse, _ body: (_ key: JSONSpan, _ value: JSONSpan) -> Void
    ) throws(JSONError) {
        var members = try JSONMembers(of: input, maxDepth: maxDepth, duplicates: duplicates)
        while let member = try members.next() {
            body(member.key, member.value)
        }
    }

    /// Checks that `input` is one array and calls `body` with each of its elements in order.
    package static func elements(
        of input: UnsafeRawBufferPointer, maxDepth: Int = defaultDepth,
        _ body: (_ element: JSONSpan) -> Void
    ) throws(JSONError) {
        var elements = try JSONElements(of: input, maxDepth: maxDepth)
        while let element = try elements.next() {
            body(element)
        }
    }
}
