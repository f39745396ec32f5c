// LogText: text that came from anywhere, made safe for a line of words. Nothing that is logged can
// end its line, colour the terminal, or turn the direction of what is read after it.

import Bytes

/// Text for log lines.
enum LogText {
    /// Most bytes of one value; the rest is cut.
    static let byteLimit = 8 << 10

    /// The invisible character that begins at `index`, which must not reach a log as it is.
    ///
    /// These are the controls C0, DEL and C1, the separators of lines and paragraphs, and the marks
    /// that turn the direction of writing (Unicode UAX #9). `bytes` are UTF-8.
    static func invisible(
        _ bytes: UnsafeRawBufferPointer, at index: Int
    ) -> (scalar: Int, byteCount: Int)? {
        let first = bytes[index]
        if first < 0x20 || first == 0x7F { return (Int(first), 1) }
        if first == 0xC2, index + 1 < bytes.count, bytes[index + 1] < 0xA0 {
            return (Int(bytes[index + 1]), 2)
        }
        guard first == 0xE2, index + 2 < bytes.count else { return nil }
        let scalar = 0x2000 | Int(bytes[index + 1] & 0x3F) << 6 | Int(bytes[index + 2] & 0x3F)
        switch scalar {
        case 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: return (scalar, 3)
        default: return nil
        }
    }

    /// Appends `text` with its invisible characters escaped, and otherwise as it is.
    static func append(_ text: String, to buffer: inout ByteBuffer) {
        withLimitedBytes(text) { bytes in
            var start = 0
            var index = 0
            while index < bytes.count {
                guard let mark = invisible(bytes, at: index) else {
                    index += 1
                    continue
                }
                buffer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(escaped: mark.scalar)
                index += mark.byteCount
                start = index
            }
            buffer.append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    /// Appends `text` bare if it is one plain word, else as a JSON string.
    static func append(word text: String, to buffer: inout ByteBuffer) {
        withLimitedBytes(text) { bytes in
            if isPlain(bytes) {
                buffer.append(bytes)
            } else {
                buffer.append(jsonString: bytes)
            }
        }
    }

    /// Appends `text`, cut where it is too long, as a JSON string.
    static func append(json text: String, to buffer: inout ByteBuffer) {
        withLimitedBytes(text) { buffer.append(jsonString: $0) }
    }

    private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return false }
        return bytes.indices.allSatisfy { index in
            let byte = bytes[index]
            return byte != UInt8(ascii: " ") && byte != UInt8(ascii: "=")
                && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                && invisible(bytes, at: index) == nil
        }
    }

    private static func withLimitedBytes(
        _ text: String, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var copy = text
        if copy.utf8.count > byteLimit {
            let end = copy.utf8.index(copy.startIndex, offsetBy: byteLimit)
            copy = String(decoding: copy.utf8[..<end], as: UTF8.self) + "…"
        }
        copy.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}
