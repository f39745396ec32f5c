// JSONWriter: composes JSON into a ByteBuffer, with commas and escapes where they belong. It is as
// low as writing bytes by hand and cannot write invalid text except by wrong nesting.
//
// Escaped are the quote, the backslash and the control characters, which is what RFC 8259 §7 asks.
// Not escaped are U+2028 and U+2029: they are legal in JSON, since ECMAScript 2019 in its string
// literals too, and nothing here writes JSON into scripts. For the same reason "/" stays as it is.

package import Bytes

/// Composes one JSON text after the other.
///
/// Use `append(to:_:)` to write into a buffer that exists; the writer owns it for that long.
package struct JSONWriter: ~Copyable {
    /// What has been written.
    private var buffer: ByteBuffer

    // Whether the next key or value must be separated from something before it. One flag serves
    // all levels: it is true behind a complete value, false behind a bracket or a key.
    private var needsComma = false

    // Number of open containers; misuse is caught in debug builds.
    private var depth = 0

    /// Makes a writer that goes on behind the bytes of `buffer`.
    package init(_ buffer: consuming ByteBuffer = ByteBuffer()) {
        self.buffer = buffer
    }

    /// The buffer with all that has been written.
    package consuming func finish() -> ByteBuffer {
        assert(depth == 0, "a container is still open")
        return buffer
    }

    /// Appends to `output` what `body` writes.
    package static func append(to output: inout ByteBuffer, _ body: (inout JSONWriter) -> Void) {
        // An empty buffer owns no memory, so lending `output` to the writer costs nothing.
        var lent = ByteBuffer()
        swap(&lent, &output)
        var writer = JSONWriter(lent)
        body(&writer)
        output = writer.finish()
    }

    /// Starts an object; keys and values alternate until `endObject`.
    package mutating func beginObject() { open(UInt8(ascii: "{")) }

    /// Ends the innermost object.
    package mutating func endObject() { close(UInt8(ascii: "}")) }

    /// Starts an array.
    package mutating func beginArray() { open(UInt8(ascii: "[")) }

    /// Ends the innermost array.
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    private mutating func open(_ bracket: UInt8) {
        separate()
        buffer.append(bracket)
        needsComma = false
        depth += 1
    }

    private mutating func close(_ bracket: UInt8) {
        assert(depth > 0, "no container is open")
        buffer.append(bracket)
        needsComma = true
        depth -= 1
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
    }
}

// MARK: - Keys

extension JSONWriter {
    /// Writes the key `name` and its colon.
    package mutating func key(_ name: StaticString) {
        string(name)
        endKey()
    }

    /// Writes the key `name` and its colon.
    package mutating func key(_ name: String) {
        string(name)
        endKey()
    }

    private mutating func endKey() {
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }
}

// MARK: - Values

extension JSONWriter {
    /// Writes null.
    package mutating func null() { literal("null") }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    private mutating func literal(_ word: StaticString) {
        separate()
        buffer.append(word)
        needsComma = true
    }

    /// Writes an integer.
    package mutating func int(_ value: Int) {
        separate()
        buffer.append(decimal: value)
        needsComma = true
    }

    /// Writes the shortest notation that reads back as `value`; null for infinities and NaN.
    package mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        buffer.append(text: value.description)
        needsComma = true
    }

    /// Writes a number as it was written before.
    package mutating func number(_ value: JSONNumber) {
        separate()
        buffer.append(text: value.text)
        needsComma = true
    }

    /// Writes a string.
    package mutating func string(_ text: String) {
        var copy = text
        copy.withUTF8 { string(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a string.
    package mutating func string(_ text: StaticString) {
        string(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Writes a string of UTF-8; each sequence that is not well-formed becomes U+FFFD.
    package mutating func string(_ utf8: UnsafeRawBufferPointer) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        JSONEscape.append(utf8, to: &buffer)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a value that is JSON already; the caller vouches for it.
    package mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        buffer.append(json)
        needsComma = true
    }

    /// Writes a value that is JSON already, as found in `text`; the caller vouches for it.
    package mutating func raw(_ span: JSONSpan, of text: UnsafeRawBufferPointer) {
        raw(span.slice(of: text))
    }

    /// Writes a tree.
    package mutating func value(_ value: JSONValue) {
        JSONTreeWriter.write(value, to: &self)
    }
}
