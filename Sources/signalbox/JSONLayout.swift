// JSONLayout: JSON with line breaks and indentation, for people.

internal import Bytes
internal import JSON

/// Lays JSON out for reading.
enum JSONLayout {
    /// `text` with a line for each member and element; nil if it is not JSON.
    ///
    /// Strings and numbers stay as they are.
    static func indented(_ text: [UInt8]) -> String? {
        text.withUnsafeBytes { bytes in
            guard (try? JSONScanner.validate(bytes, maxDepth: 1024)) != nil else { return nil }
            var output = ByteBuffer(capacity: bytes.count * 2)
            append(bytes, to: &output)
            return output.text()
        }
    }

    /// Appends valid JSON, token by token.
    private static func append(_ bytes: UnsafeRawBufferPointer, to output: inout ByteBuffer) {
        var depth = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            var end = index + 1
            switch byte {
            case UInt8(ascii: "\""):
                end = stringEnd(bytes, from: index)
                output.append(UnsafeRawBufferPointer(rebasing: bytes[index..<end]))
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                output.append(byte)
                let next = afterBlanks(bytes, from: end)
                // In ASCII both closing brackets come two behind the opening ones.
                if next < bytes.count, bytes[next] == byte + 2 {
                    output.append(byte + 2)
                    end = next + 1
                } else {
                    depth += 1
                    newLine(depth, &output)
                }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                newLine(depth, &output)
                output.append(byte)
            case UInt8(ascii: ","):
                output.append(byte)
                newLine(depth, &output)
            case UInt8(ascii: ":"): output.append(": ")
            case 0x20, 0x09, 0x0A, 0x0D: break
            default: output.append(byte)
            }
            index = end
        }
    }

    private static func newLine(_ depth: Int, _ output: inout ByteBuffer) {
        output.append("\n")
        for _ in 0..<depth { output.append("  ") }
    }

    private static func afterBlanks(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
        return index
    }

    /// The offset behind the string that begins at `start`.
    private static func stringEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, bytes.count)
    }
}
