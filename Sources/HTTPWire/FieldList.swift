// FieldList: the elements of a comma-separated field value (RFC 9110 §5.6.1), without allocation.
//
// Commas inside quoted strings do not separate. Empty elements are skipped, as a recipient must,
// and counted for callers that are stricter.

import Bytes

/// Walks over the elements of a comma-separated field value.
package struct FieldList {
    private let value: UnsafeRawBufferPointer
    private let separator: UInt8
    private var position = 0
    private var isFinished = false

    /// Whether an empty element was met so far.
    package private(set) var hadEmpty = false

    /// Walks over `value`, whose bytes must outlive the walk; `separator` is a comma or a semicolon.
    package init(_ value: UnsafeRawBufferPointer, separator: UInt8 = 0x2C) {
        self.value = value
        self.separator = separator
    }

    /// The next element that is not empty, blanks around it removed, or nil at the end.
    package mutating func next() -> UnsafeRawBufferPointer? {
        while !isFinished {
            let start = position
            let end = elementEnd(from: start)
            isFinished = end == value.count
            position = end &+ 1
            let element = Self.trimmed(UnsafeRawBufferPointer(rebasing: value[start..<end]))
            if element.count > 0 { return element }
            hadEmpty = true
        }
        return nil
    }

    /// The offset of the separator behind the element at `start`, or the end of the value.
    private func elementEnd(from start: Int) -> Int {
        var index = start
        var isQuoted = false
        while index < value.count {
            let byte = value[index]
            if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                // The escaped byte is taken as it is; at the end of the value there is none.
                index = min(index &+ 1, value.count &- 1)
            } else if !isQuoted, byte == separator {
                break
            }
            index &+= 1
        }
        return index
    }

    /// `bytes` without spaces and tabs at either end.
    package static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, ASCII.isBlank(bytes[start]) { start &+= 1 }
        while end > start, ASCII.isBlank(bytes[end &- 1]) { end &-= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Whether `value` is a list with an element equal to `token`, which is in lower case.
    package static func contains(_ value: UnsafeRawBufferPointer, _ token: StaticString) -> Bool {
        var list = FieldList(value)
        while let element = list.next() {
            if ASCII.equals(element, token) { return true }
        }
        return false
    }
}
