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
        appendLine(Self.bytes(name), Self.bytes(value))
    }

    /// Appends a field whose value this program made, and which is not checked again.
    package mutating func appendField(_ name: StaticString, trusted value: UnsafeRawBufferPointer) {
        appendLine(Self.bytes(name), value)
    }

    /// Appends a field with a number, which is not negative.
    package mutating func appendField(_ name: StaticString, decimal value: Int) {
        precondition(value >= 0, "no field of ours is negative")
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            // 20 digits hold any 64-bit number; they are written from the last one forward.
            var start = digits.count
            var rest = UInt64(value)
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                start &-= 1
                digits[start] = UInt8(truncatingIfNeeded: digit) &+ 48
                rest = quotient
            } while rest > 0
            appendLine(Self.bytes(name), UnsafeRawBufferPointer(rebasing: digits[start...]))
        }
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
        appendLine(name, value)
    }

    /// Appends Content-Length.
    package mutating func appendContentLength(_ byteCount: Int) {
        appendField("Content-Length", decimal: byteCount)
    }

    /// Appends `Transfer-Encoding: chunked`; never to an HTTP/1.0 peer.
    package mutating func appendChunkedCoding() {
        append("Transfer-Encoding: chunked\r\n")
    }

    /// Appends Date; `cached` holds the 29 bytes that `HTTPDate.append` made this second.
    package mutating func appendDate(_ cached: UnsafeRawBufferPointer) {
        appendField("Date", trusted: cached)
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

    /// Appends a whole field line, with one look for room; both parts have been checked.
    private mutating func appendLine(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        let count = name.count + value.count + 4
        fill(atLeast: count) { room in
            guard let line = room.baseAddress, let nameStart = name.baseAddress else { return 0 }
            // SAFETY: `room` has `count` bytes: name, colon and space, value, CR and LF.
            line.copyMemory(from: nameStart, byteCount: name.count)
            let separator = line + name.count
            separator.storeBytes(of: UInt16(0x203A).littleEndian, as: UInt16.self)
            if let valueStart = value.baseAddress {
                (separator + 2).copyMemory(from: valueStart, byteCount: value.count)
            }
            (separator + 2 + value.count).storeBytes(
                of: UInt16(0x0A0D).littleEndian, as: UInt16.self)
            return count
        }
    }

    private static func bytes(_ literal: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    }
}
