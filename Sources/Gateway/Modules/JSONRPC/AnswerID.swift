// AnswerID: whose answer a line was meant to be that is no JSON, or of which only the beginning is
// there. It reads with forgiveness what JSONMessageScanner has refused. Sans-IO.

internal import Bytes

/// Finds the id in the remains of a message.
enum AnswerID {
    /// The integer under the key `id` of the outermost object, or nil if it cannot be told, or if a
    /// `method` before it shows that this was no answer.
    ///
    /// `isWhole` says that the text does not go on, so that a number at its end is whole too.
    static func find(in text: UnsafeRawBufferPointer, isWhole: Bool) -> Int? {
        var depth = 0
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth <= 0 { return nil }
            case UInt8(ascii: "\""):
                let start = index + 1
                guard let end = stringEnd(text, start) else { return nil }
                index = end
                guard depth == 1, let value = valueStart(text, end + 1) else { break }
                let key = UnsafeRawBufferPointer(rebasing: text[start..<end])
                if ASCII.isExactly(key, "method") { return nil }
                if ASCII.isExactly(key, "id") { return number(text, value, isWhole) }
            default: break
            }
            index += 1
        }
        return nil
    }

    /// The place of the quote that ends the string whose first byte is at `start`.
    private static func stringEnd(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        while index < text.count {
            if text[index] == UInt8(ascii: "\"") { return index }
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    /// The place behind a colon at `start`; nil if there is none, so that the string was no key.
    private static func valueStart(_ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        while index < text.count, ASCII.isBlank(text[index]) { index += 1 }
        guard index < text.count, text[index] == UInt8(ascii: ":") else { return nil }
        index += 1
        while index < text.count, ASCII.isBlank(text[index]) { index += 1 }
        return index
    }

    private static func number(
        _ text: UnsafeRawBufferPointer, _ start: Int, _ isWhole: Bool
    ) -> Int? {
        var index = start
        var value = 0
        while index < text.count, ASCII.isDigit(text[index]) {
            // More digits than any id of ours has.
            guard index - start < 17 else { return nil }
            value = value * 10 + Int(text[index] &- 48)
            index += 1
        }
        guard index > start else { return nil }
        guard index < text.count else { return isWhole ? value : nil }
        let next = text[index]
        let endsNumber =
            next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || ASCII.isBlank(next)
        return endsNumber ? value : nil
    }
}
