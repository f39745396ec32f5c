// RequestParser: the head of a request, from bytes to offsets (RFC 9112 §2 to §7).
//
// Stateless: while a head is incomplete the caller keeps its bytes and parses again when more have
// come. Every byte is judged in order and nothing behind the first wrong one is looked at, so the
// outcome does not depend on how the bytes were cut. Bodies are not read here (BodyFraming says how).

internal import Bytes

/// What came of parsing a head.
package enum ParseOutcome: Equatable, Sendable {
    /// The head is not complete; call again with the same bytes and more.
    case needMore
    /// The head is complete and takes up this many bytes, empty lines in front of it included.
    case complete(Int)
}

/// Parses request heads within limits.
package struct RequestParser: Sendable {
    /// The limits it holds peers to, each within what it can count in.
    package let limits: WireLimits

    /// Makes a parser; it keeps no state between calls.
    package init(limits: WireLimits = WireLimits()) {
        self.limits = limits.clamped
    }

    /// Parses the head that `input` begins with into `head`.
    ///
    /// - Throws: `WireError.peer`. If the error does not close the connection (an unknown
    ///   expectation), `head` is complete all the same, `byteCount` included.
    package func parse(
        _ input: Span<UInt8>, into head: inout RequestHead
    ) throws(WireError) -> ParseOutcome {
        try input.withUnsafeBytes { (bytes) throws(WireError) -> ParseOutcome in
            try parse(bytes, into: &head)
        }
    }

    /// Parses the head that `input` begins with into `head`; as above.
    package func parse(
        _ input: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireError) -> ParseOutcome {
        do throws(WireFault) {
            return try parseHead(input, into: &head)
        } catch {
            throw .request(error)
        }
    }

    @inline(__always)
    private func parseHead(
        _ input: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) -> ParseOutcome {
        head.reset()
        guard let start = try skipEmptyLines(input) else { return .needMore }
        // Bytes past the limit are never looked at, so it strikes at the same one in every cut.
        let bytes = UnsafeRawBufferPointer(
            start: input.baseAddress, count: min(input.count, start &+ limits.headBytes))
        let isFull = bytes.count == start &+ limits.headBytes
        guard
            let lineEnd = try RequestLine.parse(
                bytes, from: start, methodLimit: limits.methodBytes,
                targetLimit: limits.targetBytes, into: &head)
        else {
            if isFull { throw .targetTooLong }
            return .needMore
        }
        guard
            let end = try FieldScanner.scan(
                bytes, from: lineEnd, fieldLimit: limits.fieldCount,
                nameLimit: limits.fieldNameBytes, into: &head.fields)
        else {
            if isFull { throw .headTooLarge }
            return .needMore
        }
        head.byteCount = end
        try resolveFields(bytes, into: &head)
        return .complete(end)
    }

    /// The offset of the request line, or nil if only empty lines have arrived.
    ///
    /// RFC 9112 §2.2: at least one empty line before a request should be ignored.
    @inline(__always)
    private func skipEmptyLines(_ input: UnsafeRawBufferPointer) throws(WireFault) -> Int? {
        guard input.count > 0 else { return nil }
        if input[0] > 0x0D { return 0 }
        var position = 0
        for _ in 0...limits.leadingLineCount {
            guard position < input.count else { return nil }
            if input[position] == 0x0A { throw .leadingLineBroken }
            guard input[position] == 0x0D else { return position }
            guard position + 1 < input.count else { return nil }
            guard input[position + 1] == 0x0A else { throw .leadingLineBroken }
            position += 2
        }
        throw .leadingLinesTooMany
    }

    /// Draws the consequences of the fields, in a fixed order.
    @inline(__always)
    private func resolveFields(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        try resolveHost(bytes, into: &head)
        head.framing = .none
        if head.fields.contains(.contentLength) || head.fields.contains(.transferEncoding) {
            let framing = try FramingFields(head.fields, in: bytes, versionMinor: head.versionMinor)
            head.framing = framing.ofRequest
        }
        head.keepAlive = head.versionMinor >= 1
        if let connection = head.fields.first(.connection) {
            // The shortcut is for what nearly everybody sends.
            if Words.spell(bytes[connection], "keep-alive"), !head.fields.isRepeated(.connection) {
                head.keepAlive = true
            } else {
                resolveConnection(bytes, into: &head)
            }
        }
        if head.fields.contains(.expect) { try resolveExpect(bytes, into: &head) }
    }

    /// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2).
    ///
    /// An empty one is refused: an `http` URI without host is invalid (RFC 9110 §4.2.1).
    @inline(__always)
    private func resolveHost(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        guard let host = head.fields.first(.host) else {
            guard head.versionMinor == 0 else { throw .hostMissing }
            return
        }
        guard !head.fields.isRepeated(.host) else { throw .hostRepeated }
        let value = bytes[host]
        if !head.knownHost.matches(value) {
            guard Authority.isValid(value) else { throw .hostInvalid }
            head.knownHost.note(value)
        }
        if head.authority.isEmpty { head.authority = host }
    }

    /// RFC 9110 §7.6.1, RFC 9112 §9.3: `close` wins over `keep-alive`, wherever it stands.
    @inline(never)
    private func resolveConnection(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) {
        let options = ConnectionOptions(head.fields, in: bytes)
        head.keepAlive = options.keepsAlive(versionMinor: head.versionMinor)
        head.hasUpgrade =
            options.hasUpgrade && head.versionMinor >= 1 && head.fields.contains(.upgrade)
    }

    /// RFC 9110 §10.1.1: ignored from HTTP/1.0 peers, otherwise only `100-continue` is known.
    @inline(never)
    private func resolveExpect(
        _ bytes: UnsafeRawBufferPointer, into head: inout RequestHead
    ) throws(WireFault) {
        guard head.versionMinor >= 1 else { return }
        for index in head.fields.firstIndex(.expect)..<head.fields.count {
            let field = head.fields.field(at: index)
            guard field.known == .expect else { continue }
            var list = FieldList(bytes[field.value])
            while let expectation = list.next() {
                guard Words.spell(expectation, "100-continue") else { throw .expectationUnknown }
                // Without a body there is nothing to continue with.
                head.expectsContinue = head.framing.hasBody
            }
        }
    }
}
