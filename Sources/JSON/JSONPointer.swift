// JSONPointer: RFC 6901, one place in a document. It looks into trees and, without building one,
// into bytes.

/// A place in a JSON document (RFC 6901).
package struct JSONPointer: Sendable, Equatable {
    /// The reference tokens, unescaped; empty for the whole document.
    package private(set) var tokens: [String] = []

    /// The pointer to the whole document.
    package init() {}

    /// Reads `text`: nothing, or tokens that each start with a slash (§3).
    ///
    /// - Throws: `JSONError` with `badPointer` at the offending byte.
    package init(_ text: String) throws(JSONError) {
        guard !text.isEmpty else { return }
        let bytes = Array(text.utf8)
        guard bytes[0] == UInt8(ascii: "/") else { throw JSONError(.badPointer, at: 0) }
        var token: [UInt8] = []
        var at = 1
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "/"):
                tokens.append(String(decoding: token, as: UTF8.self))
                token.removeAll()
            case UInt8(ascii: "~"):
                at += 1
                guard at < bytes.count else { throw JSONError(.badPointer, at: at) }
                switch bytes[at] {
                case UInt8(ascii: "0"): token.append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): token.append(UInt8(ascii: "/"))
                default: throw JSONError(.badPointer, at: at)
                }
            default: token.append(bytes[at])
            }
            at += 1
        }
        tokens.append(String(decoding: token, as: UTF8.self))
    }

    /// This pointer with `token` behind it.
    package func appending(_ token: String) -> JSONPointer {
        var longer = self
        longer.tokens.append(token)
        return longer
    }

    /// The value that this points to in `document`, or nil.
    package func value(in document: JSONValue) -> JSONValue? {
        var value = document
        for token in tokens {
            switch value {
            case .object(let object):
                guard let member = object[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Self.index(token), index < elements.count else { return nil }
                value = elements[index]
            case .null, .bool, .number, .string: return nil
            }
        }
        return value
    }

    /// The span of the value that this points to in the text `document`, or nil.
    ///
    /// Made for a text that was validated. Of any other it checks what it goes past on its way: each
    /// level up to the member it looks for. Of a key that comes twice the first counts.
    package func span(
        in document: UnsafeRawBufferPointer, maxDepth: Int = JSONScanner.defaultDepth
    ) throws(JSONError) -> JSONSpan? {
        let depth = JSONNesting.limit(maxDepth)
        var span = JSONSpan(start: 0, end: document.count)
        for (level, token) in tokens.enumerated() {
            do throws(JSONError) {
                let text = span.slice(of: document)
                guard let inner = try Self.step(token, in: text, maxDepth: depth - level) else {
                    return nil
                }
                span = JSONSpan(start: span.start + inner.start, end: span.start + inner.end)
            } catch {
                throw JSONError(error.reason, at: span.start + error.offset)
            }
        }
        return tokens.isEmpty ? try Self.trimmed(document, maxDepth: maxDepth) : span
    }

    /// The member or element `token` of the text, or nil.
    private static func step(
        _ token: String, in text: UnsafeRawBufferPointer, maxDepth: Int
    ) throws(JSONError) -> JSONSpan? {
        var cursor = JSONCursor(text)
        try cursor.begin()
        switch try cursor.kind() {
        case .object:
            var members = try JSONMembers(of: text, maxDepth: maxDepth, duplicates: .allow)
            while let member = try members.next() {
                if isKey(member.key.slice(of: text), token) { return member.value }
            }
        case .array:
            guard let wanted = index(token) else { return nil }
            var elements = try JSONElements(of: text, maxDepth: maxDepth)
            var index = 0
            while let element = try elements.next() {
                if index == wanted { return element }
                index += 1
            }
        case .string, .number, .true, .false, .null: break
        }
        return nil
    }

    /// Whether the key whose content between the quotes is `raw` is `token`; needs memory only if
    /// there are escapes.
    private static func isKey(_ raw: UnsafeRawBufferPointer, _ token: String) -> Bool {
        guard raw.contains(UInt8(ascii: "\\")) else {
            return raw.count == token.utf8.count && raw.elementsEqual(token.utf8)
        }
        return JSONKey(JSONText.string(raw)) == JSONKey(token)
    }

    /// The outermost value without the blanks around it.
    private static func trimmed(
        _ text: UnsafeRawBufferPointer, maxDepth: Int
    ) throws(JSONError) -> JSONSpan {
        var cursor = JSONCursor(text)
        try cursor.begin()
        let start = cursor.index
        try cursor.skipValue(maxDepth: maxDepth)
        let end = cursor.index
        try cursor.finish()
        return JSONSpan(start: start, end: end)
    }

    /// The array index that `token` spells: `0`, or digits without a leading zero (§4).
    private static func index(_ token: String) -> Int? {
        let digits = token.utf8
        guard let first = digits.first, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
        guard first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        return Int(token)
    }
}

extension JSONPointer: CustomStringConvertible {
    /// The pointer in its text form, like `/timers/0/every`.
    package var description: String {
        tokens.reduce(into: "") { $0 += "/" + Self.escaped($1) }
    }

    /// A key as it stands in a pointer (§3).
    package static func escaped(_ token: String) -> String {
        var text = ""
        for character in token.unicodeScalars {
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
