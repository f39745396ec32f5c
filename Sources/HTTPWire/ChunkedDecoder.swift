// ChunkedDecoder: undoes the chunked coding of a body (RFC 9112 §7.1), from any cut of the bytes.
//
//     5;ext=1 \r\n  hello \r\n  0 \r\n  Name: value \r\n  \r\n
//     line          data        last    trailers         end
//
// A state machine over single bytes for lines, a copy for data. It keeps no bytes: a few counters
// are all that passes from call to call. Trailer fields are checked and dropped.

package import Bytes

/// Decodes one body in chunked coding.
///
/// A fresh one for each body.
package struct ChunkedDecoder: Sendable {
    enum State: UInt8, Sendable {
        // In the line: size, then extensions, then LF.
        case sizeFirst, size, extensionGap, nameFirst, name, nameGap, valueFirst, value
        case quoted, quotedPair, quotedEnd, lineLF
        case data, dataCR, dataLF
        // After the last chunk.
        case trailerFirst, trailerName, trailerValue, trailerLF, endLF
        case complete
    }

    private var state = State.sizeFirst
    private let isResponse: Bool
    private let lineLimit: Int32
    private var extensionsLeft: Int32
    private var trailersLeft: Int32
    /// Bytes of the present line, and how many of them are digits of the size.
    private var lineCount: Int32 = 0
    private var digitCount: Int32 = 0
    /// Bytes of data that the present chunk still has to bring.
    private var remaining: UInt64 = 0
    /// FNV-1a of the present trailer name in lower case.
    private var nameHash: UInt64 = 0

    /// Makes a decoder for one body; `isResponse` makes its errors suggest 502 instead of 400.
    package init(limits: WireLimits = WireLimits(), isResponse: Bool = false) {
        let limits = limits.clamped
        self.isResponse = isResponse
        lineLimit = Int32(limits.chunkLineBytes)
        extensionsLeft = Int32(limits.chunkExtensionBytes)
        trailersLeft = Int32(limits.trailerBytes)
    }

    /// Whether the last chunk and the trailer section have been read.
    package var isComplete: Bool { state == .complete }

    /// Bytes of data that the present chunk still has to bring, as its size line said; 0 if there is
    /// no whole size line.
    package var announcedByteCount: UInt64 { state == .data ? remaining : 0 }

    /// Decodes `input`, appending at most `maxOutput` bytes of data to `output`.
    ///
    /// Consumes all of `input`, unless the body ends before or the next byte of data has no room.
    /// What `output` got before an error is data that was valid so far.
    package mutating func decode(
        _ input: UnsafeRawBufferPointer, into output: inout ByteBuffer, maxOutput: Int
    ) throws(WireError) -> (consumed: Int, isComplete: Bool) {
        var position = 0
        var room = max(maxOutput, 0)
        do throws(WireFault) {
            while position < input.count, state != .complete {
                if state == .data {
                    let available = UInt64(min(room, input.count &- position))
                    // Fits an Int because `available` does.
                    let count = Int(min(available, remaining))
                    guard count > 0 else { break }
                    output.append(
                        UnsafeRawBufferPointer(rebasing: input[position..<(position &+ count)]))
                    position &+= count
                    room &-= count
                    remaining &-= UInt64(count)
                    if remaining == 0 { state = .dataCR }
                } else {
                    try step(input[position])
                    position &+= 1
                }
            }
        } catch {
            throw isResponse ? .response(error) : .request(error)
        }
        return (position, state == .complete)
    }

    /// Takes one byte outside of data.
    @inline(__always)
    private mutating func step(_ byte: UInt8) throws(WireFault) {
        switch state {
        case .sizeFirst, .size, .lineLF: try stepSize(byte)
        case .extensionGap, .nameFirst, .name, .nameGap, .valueFirst, .value, .quoted,
            .quotedPair, .quotedEnd:
            try stepExtension(byte)
        case .dataCR:
            guard byte == 0x0D else { throw .chunkDataUnterminated }
            state = .dataLF
        case .dataLF:
            guard byte == 0x0A else { throw .chunkDataUnterminated }
            state = .sizeFirst
            lineCount = 0
            digitCount = 0
        case .trailerFirst, .trailerName, .trailerValue, .trailerLF, .endLF:
            try stepTrailer(byte)
        case .data, .complete: break
        }
    }
}

// MARK: - The line before the data

extension ChunkedDecoder {
    private mutating func stepSize(_ byte: UInt8) throws(WireFault) {
        if state == .lineLF {
            guard byte == 0x0A else { throw .chunkLineBareCR }
            if remaining == 0 {
                state = .trailerFirst
            } else {
                state = .data
            }
            return
        }
        lineCount &+= 1
        if let digit = ASCII.hexValue(byte) {
            // 16 digits bound leading zeros as well, and never shift a bit out of the word.
            guard digitCount < 16 else { throw .chunkSizeTooLong }
            digitCount &+= 1
            remaining = remaining << 4 | UInt64(digit)
            guard remaining <= UInt64(Int.max) else { throw .chunkSizeTooLarge }
            state = .size
            return
        }
        if byte == 0x0A { throw .chunkLineBareLF }
        guard state == .size else { throw .chunkSizeMissing }
        guard endsElement(byte) else { throw .chunkSizeInvalid }
    }

    /// Whether `byte` may follow a size or an extension value; if so, the state is the next one.
    private mutating func endsElement(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x0D: state = .lineLF
        case UInt8(ascii: ";"): state = .nameFirst
        // "Bad" blanks (RFC 9112 §7.1.1) must be read over, but only in front of a semicolon.
        case 0x20, 0x09: state = .extensionGap
        default: return false
        }
        return true
    }

    /// RFC 9112 §7.1.1: `; name [ = token-or-quoted ]`, any number of times, blanks around signs.
    private mutating func stepExtension(_ byte: UInt8) throws(WireFault) {
        lineCount &+= 1
        extensionsLeft &-= 1
        guard lineCount <= lineLimit, extensionsLeft >= 0 else { throw .chunkExtensionsTooLong }
        if byte == 0x0A { throw .chunkLineBareLF }
        let isBlank = ASCII.isBlank(byte)
        switch state {
        case .extensionGap where isBlank, .nameFirst where isBlank, .nameGap where isBlank,
            .valueFirst where isBlank:
            break
        case .extensionGap where byte == UInt8(ascii: ";"),
            .nameGap where byte == UInt8(ascii: ";"):
            state = .nameFirst
        case .nameFirst where ASCII.isToken(byte), .name where ASCII.isToken(byte):
            state = .name
        case .name where isBlank:
            state = .nameGap
        case .name where byte == UInt8(ascii: "="), .nameGap where byte == UInt8(ascii: "="):
            state = .valueFirst
        case .valueFirst where byte == UInt8(ascii: "\""):
            state = .quoted
        case .valueFirst where ASCII.isToken(byte), .value where ASCII.isToken(byte):
            state = .value
        case .name, .value, .quotedEnd:
            guard endsElement(byte) else { throw .chunkExtensionInvalid }
        case .quoted where byte == UInt8(ascii: "\""):
            state = .quotedEnd
        case .quoted where byte == UInt8(ascii: "\\"):
            state = .quotedPair
        case .quoted where Self.isText(byte), .quotedPair where Self.isText(byte):
            state = .quoted
        default:
            throw .chunkExtensionInvalid
        }
    }

    /// Whether `byte` may stand in a quoted string or field value: no controls but HTAB.
    @inline(__always)
    private static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }
}

// MARK: - The lines after the last chunk

extension ChunkedDecoder {
    private mutating func stepTrailer(_ byte: UInt8) throws(WireFault) {
        trailersLeft &-= 1
        guard trailersLeft >= 0 else { throw .trailersTooLong }
        switch state {
        case .trailerFirst:
            switch byte {
            case 0x0D: state = .endLF
            case 0x0A: throw .trailerBareLF
            case 0x20, 0x09: throw .trailerFolded
            default:
                nameHash = Self.hashStart
                try stepTrailerName(byte)
            }
        case .trailerName where byte == UInt8(ascii: ":"):
            guard !Self.isForbidden(nameHash) else { throw .trailerForbidden }
            state = .trailerValue
        case .trailerName:
            try stepTrailerName(byte)
        case .trailerValue where byte == 0x0D:
            state = .trailerLF
        case .trailerValue:
            guard Self.isText(byte) else {
                throw byte == 0x0A ? .trailerBareLF : .trailerValueInvalid
            }
        case .trailerLF:
            guard byte == 0x0A else { throw .trailerBareCR }
            state = .trailerFirst
        default:
            guard byte == 0x0A else { throw .trailerBareCR }
            state = .complete
        }
    }

    private mutating func stepTrailerName(_ byte: UInt8) throws(WireFault) {
        guard ASCII.isToken(byte) else { throw .trailerNameInvalid }
        nameHash = Self.hash(nameHash, byte)
        state = .trailerName
    }

    private static var hashStart: UInt64 { 0xCBF2_9CE4_8422_2325 }

    private static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(ASCII.lower(byte))) &* 0x100_0000_01B3
    }

    /// Whether a name with this hash may not come after a body (RFC 9110 §6.5.1).
    ///
    /// Those that frame, route or control the message; the others are dropped and cannot harm. A
    /// hash finds every forbidden name; at worst it refuses another one, made to collide.
    private static func isForbidden(_ nameHash: UInt64) -> Bool {
        let names: [9 of StaticString] = [
            "content-length", "transfer-encoding", "host", "connection", "keep-alive", "te",
            "trailer", "upgrade", "expect",
        ]
        for index in names.indices {
            let name = names[index]
            var hash = hashStart
            for offset in 0..<name.utf8CodeUnitCount {
                hash = Self.hash(hash, name.utf8Start[offset])
            }
            if hash == nameHash { return true }
        }
        return false
    }
}
