// HeadWriter: start lines and fields, appended to an output buffer.
//
// Two doors for fields: literals and bytes that this program made go in as they are; everything
// that came from a module, an upstream or a client passes `appendField(name:value:)`, which refuses
// whatever could end the line early.

package import Bytes

extension ByteBuffer {
    /// Appends the status line of `code`; without a phrase if the code has none.
    ///
    /// - Throws: `WireError.misuse` if `code` is not from 100 to 599.
    package mutating func appendStatusLine(_ code: Int) throws(WireError) {
        if let line = StatusCode.line(code) { return append(line) }
        guard code >= 100, code < 600 else { throw .misuse(.statusInvalid) }
        append("HTTP/1.1 ")
        append(decimal: code)
        append(" \r\n")
    }

    /// Appends a request line for `target`, in HTTP/1.1.
    ///
    /// - Throws: `WireError.misuse` if the method is no token, or the target is empty or contains
    ///   anything but visible ASCII.
    package mutating func appendRequestLine(
        method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer
    ) throws(WireError) {
        guard method.count > 0, method.allSatisfy(ASCII.isToken) else {
            throw .misuse(.methodInvalid)
        }
        guard target.count > 0, target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .misuse(.targetInvalid)
        }
        append(method)
        append(" ")
        append(target)
        append(" HTTP/1.1\r\n")
    }

    /// Appends a field of literals.
    package mutating func appendField(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a field whose value this program made, and which is not checked again.
    package mutating func appendField(_ name: StaticString, trusted value: UnsafeRawBufferPointer) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends a field with a number.
    package mutating func appendField(_ name: StaticString, decimal value: Int) {
        append(name)
        append(": ")
        append(decimal: value)
        append("\r\n")
    }

    /// Appends a field with a value from elsewhere.
    ///
    /// - Throws: `WireError.misuse` for a control character in the value; nothing is appended then.
    package mutating func appendField(
        _ name: StaticString, value: UnsafeRawBufferPointer
    ) throws(WireError) {
        guard FieldScanner.isValue(value) else { throw .misuse(.fieldValueInvalid) }
        appendField(name, trusted: value)
    }

    /// Appends a field whose name and value come from elsewhere.
    ///
    /// - Throws: `WireError.misuse` if the name is no token or the value contains a control
    ///   character (RFC 9110 §5.5); nothing is appended then.
    package mutating func appendField(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(WireError) {
        guard name.count > 0, name.allSatisfy(ASCII.isToken) else {
            throw .misuse(.fieldNameInvalid)
        }
        guard FieldScanner.isValue(value) else { throw .misuse(.fieldValueInvalid) }
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// Appends Content-Length.
    package mutating func appendContentLength(_ byteCount: Int) {
        precondition(byteCount >= 0, "no body has a negative length")
        append("Content-Length: ")
        append(decimal: byteCount)
        append("\r\n")
    }

    /// Appends `Transfer-Encoding: chunked`; never to an HTTP/1.0 peer.
    package mutating func appendChunkedCoding() {
        append("Transfer-Encoding: chunked\r\n")
    }

    /// Appends Date; `cached` holds the 29 bytes that `HTTPDate.append` made this second.
    package mutating func appendDate(_ cached: UnsafeRawBufferPointer) {
        append("Date: ")
        append(cached)
        append("\r\n")
    }

    /// Appends Connection, if the peer needs to be told (RFC 9112 §9.3).
    ///
    /// HTTP/1.1 persists unless told otherwise, HTTP/1.0 the other way round.
    package mutating func appendConnection(keepAlive: Bool, versionMinor: Int) {
        if !keepAlive {
            append("Connection: close\r\n")
        } else if versionMinor == 0 {
            append("Connection: keep-alive\r\n")
        }
    }

    /// Appends the empty line that ends a head.
    package mutating func appendHeadEnd() {
        append("\r\n")
    }
}
