// ResponseParser: the head of a response, from bytes to offsets (RFC 9112 §4 to §6).
//
// As strict as for requests, with two allowances that every client makes: the reason phrase and the
// space before it may be missing. No empty lines are skipped: bytes before a response are leftovers
// of another one, and a connection that has them is not to be trusted.

import Bytes

/// Parses response heads within limits.
package struct ResponseParser: Sendable {
    /// The limits it holds servers to, each within what it can count in.
    package let limits: WireLimits

    /// Makes a parser; it keeps no state between calls.
    package init(limits: WireLimits = WireLimits()) {
        self.limits = limits.clamped
    }

    /// Parses the head that `input` begins with, which answers a `method` request, into `head`.
    ///
    /// - Throws: `WireError.peer` with the status 502; every fault closes the connection.
    package func parse(
        _ input: Span<UInt8>, to method: Method, into head: inout ResponseHead
    ) throws(WireError) -> ParseOutcome {
        try input.withUnsafeBytes { (bytes) throws(WireError) -> ParseOutcome in
            try parse(bytes, to: method, into: &head)
        }
    }

    /// Parses the head that `input` begins with, which answers a `method` request; as above.
    package func parse(
        _ input: UnsafeRawBufferPointer, to method: Method, into head: inout ResponseHead
    ) throws(WireError) -> ParseOutcome {
        do throws(WireFault) {
            return try parseHead(input, to: method, into: &head)
        } catch {
            throw .response(error)
        }
    }

    private func parseHead(
        _ input: UnsafeRawBufferPointer, to method: Method, into head: inout ResponseHead
    ) throws(WireFault) -> ParseOutcome {
        head.fields.reset()
        let bytes = UnsafeRawBufferPointer(
            start: input.baseAddress, count: min(input.count, limits.headBytes))
        let isFull = bytes.count == limits.headBytes
        guard let lineEnd = try parseStatusLine(bytes, into: &head),
            let end = try FieldScanner.scan(
                bytes, from: lineEnd, fieldLimit: limits.fieldCount,
                nameLimit: limits.fieldNameBytes, into: &head.fields)
        else {
            if isFull { throw .headTooLarge }
            return .needMore
        }
        head.byteCount = end
        try resolveFields(bytes, to: method, into: &head)
        return .complete(end)
    }

    /// The offset behind the status line, or nil if it has not arrived.
    private func parseStatusLine(
        _ bytes: UnsafeRawBufferPointer, into head: inout ResponseHead
    ) throws(WireFault) -> Int? {
        switch HTTPVersion.parse(bytes) {
        case .needMore: return nil
        case .invalid, .unsupported: throw .statusLineInvalid
        case .minor(let minor): head.versionMinor = minor
        }
        guard bytes.count > 8 else { return nil }
        guard bytes[8] == 0x20 else { throw .statusLineInvalid }
        head.status = 0
        for index in 9..<min(bytes.count, 12) {
            guard ASCII.isDigit(bytes[index]) else { throw .statusCodeInvalid }
            head.status = head.status * 10 + Int(bytes[index] &- 48)
        }
        guard bytes.count > 12, let base = bytes.baseAddress else { return nil }
        guard head.status >= 100, head.status < 600 else { throw .statusCodeInvalid }
        var reasonStart = 12
        if bytes[12] == 0x20 {
            reasonStart = 13
        } else if ASCII.isDigit(bytes[12]) {
            throw .statusCodeInvalid
        } else if bytes[12] != 0x0D, bytes[12] != 0x0A {
            throw .statusLineInvalid
        }
        let lineEnd = FieldScanner.valueEnd(base, from: reasonStart, to: bytes.count)
        guard lineEnd < bytes.count else { return nil }
        switch bytes[lineEnd] {
        case 0x0D: break
        case 0x0A: throw .statusLineBroken
        default: throw .reasonInvalid
        }
        guard lineEnd + 1 < bytes.count else { return nil }
        guard bytes[lineEnd + 1] == 0x0A else { throw .statusLineBroken }
        head.reason = ByteRange(reasonStart, lineEnd)
        return lineEnd + 2
    }

    private func resolveFields(
        _ bytes: UnsafeRawBufferPointer, to method: Method, into head: inout ResponseHead
    ) throws(WireFault) {
        let fields = try FramingFields(head.fields, in: bytes, versionMinor: head.versionMinor)
        head.framing = fields.ofResponse(status: head.status, to: method)
        let options = ConnectionOptions(head.fields, in: bytes)
        head.keepAlive = options.keepsAlive(versionMinor: head.versionMinor)
        if head.framing == .untilClose { head.keepAlive = false }
        // RFC 9110 §8.6, RFC 9112 §6.1 forbid these; whoever sends them may send a body as well,
        // and that would be read as the next response.
        let forbidsBody = head.status < 200 || head.status == 204
        if forbidsBody, fields.isChunked || (fields.length ?? 0) > 0 { head.keepAlive = false }
    }
}
