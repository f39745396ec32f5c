// WireLimits: how much of each thing a peer may send, each with its reason.
//
// All limits hold while bytes arrive, not only once a head is complete. Limits on bodies, time and
// numbers of connections are the server's, not the wire's.

/// Named limits of the wire grammar.
package struct WireLimits: Equatable, Sendable {
    /// Longest head in bytes, from the first byte of the start line to the empty line, 16 KiB.
    ///
    /// Node and HAProxy use the same; cookies of careless sites reach 8 KiB.
    package var headBytes: Int

    /// Longest request target in bytes, 8 KiB.
    ///
    /// RFC 9112 §3 asks for at least 8,000.
    package var targetBytes: Int

    /// Longest method in bytes, 32.
    ///
    /// The longest registered one, UPDATEREDIRECTREF, has 17.
    package var methodBytes: Int

    /// Most field lines in a head, 100.
    ///
    /// A browser behind two proxies sends about 40.
    package var fieldCount: Int

    /// Longest field name in bytes, 256; none in use passes 60.
    package var fieldNameBytes: Int

    /// Most empty lines before a request, 2.
    ///
    /// RFC 9112 §2.2 asks for one to be forgiven, because old clients end a body with a CRLF too many.
    package var leadingLineCount: Int

    /// Longest chunk-size line in bytes, its extensions included, 1 KiB.
    ///
    /// Signed uploads carry about 90 bytes of extension in each.
    package var chunkLineBytes: Int

    /// Most bytes of chunk extensions in one body, 16 KiB: signed uploads of 10 MiB in 64 KiB chunks.
    package var chunkExtensionBytes: Int

    /// Most bytes of trailer section after one body, 4 KiB; checksums and signatures need a few 100.
    package var trailerBytes: Int

    /// Makes limits; a value that the parsers cannot count in is moved into range when they use it.
    package init(
        headBytes: Int = 16 * 1024, targetBytes: Int = 8 * 1024, methodBytes: Int = 32,
        fieldCount: Int = 100, fieldNameBytes: Int = 256, leadingLineCount: Int = 2,
        chunkLineBytes: Int = 1024, chunkExtensionBytes: Int = 16 * 1024,
        trailerBytes: Int = 4 * 1024
    ) {
        self.headBytes = headBytes
        self.targetBytes = targetBytes
        self.methodBytes = methodBytes
        self.fieldCount = fieldCount
        self.fieldNameBytes = fieldNameBytes
        self.leadingLineCount = leadingLineCount
        self.chunkLineBytes = chunkLineBytes
        self.chunkExtensionBytes = chunkExtensionBytes
        self.trailerBytes = trailerBytes
    }

    /// These limits, with each one moved into the range that the parsers can count in.
    package var clamped: WireLimits {
        func clamp(_ value: Int, _ least: Int, _ most: Int) -> Int { min(max(value, least), most) }
        return WireLimits(
            // 16 MiB keeps every offset far inside 32 bits; 64 holds the shortest useful request.
            headBytes: clamp(headBytes, 64, 1 << 24), targetBytes: clamp(targetBytes, 1, 1 << 24),
            methodBytes: clamp(methodBytes, 8, 256),
            // Names and field numbers are kept in 16 bits.
            fieldCount: clamp(fieldCount, 1, 1 << 15),
            fieldNameBytes: clamp(fieldNameBytes, 32, 1 << 15),
            leadingLineCount: clamp(leadingLineCount, 0, 1 << 10),
            chunkLineBytes: clamp(chunkLineBytes, 18, 1 << 24),
            chunkExtensionBytes: clamp(chunkExtensionBytes, 0, 1 << 24),
            trailerBytes: clamp(trailerBytes, 2, 1 << 24))
    }
}
