// JSONMessageScanner: one message of JSON-RPC 2.0, cut into the members that its carrier acts on.
//
// The whole line is checked and cut in one pass without allocating; params, result and error stay
// bytes and travel on as they are. Batches are arrays: cut them with JSONElements first.

/// The interpreted members of one JSON-RPC 2.0 message, as spans of the line they came in.
package struct JSONMessage: Sendable, Equatable {
    /// What a message is, by the members it has (JSON-RPC 2.0 §4, §5).
    package enum Form: Sendable {
        /// A method with an id: wants an answer.
        case request
        /// A method without an id: wants none.
        case notification
        /// An id with a result.
        case success
        /// An id with an error object.
        case failure
        /// None of these, or a member of the wrong type.
        case invalid
    }

    /// The value of `jsonrpc`, or nil if absent, as are those below.
    package fileprivate(set) var jsonrpc: JSONSpan?

    /// The value of `id`; a string with its quotes, so that `1` and `"1"` stay different.
    package fileprivate(set) var id: JSONSpan?

    /// The value of `method`, a string with its quotes if `form` is not `invalid`.
    package fileprivate(set) var method: JSONSpan?

    /// The value of `params`.
    package fileprivate(set) var params: JSONSpan?

    /// The value of `result`.
    package fileprivate(set) var result: JSONSpan?

    /// The value of `error`.
    package fileprivate(set) var error: JSONSpan?

    /// The id as an integer, if it is written as one that fits, without fraction or exponent.
    package fileprivate(set) var integerID: Int?

    /// Whether `jsonrpc` is the string `2.0`.
    package fileprivate(set) var isVersion2 = false

    /// What kind of message it is, regardless of `isVersion2`.
    package fileprivate(set) var form = Form.invalid

    /// Whether the id is an integer.
    package var idIsInteger: Bool { integerID != nil }
}

/// Checks and cuts messages of JSON-RPC 2.0.
package enum JSONMessageScanner {
    /// Checks that `line` is one JSON object and finds the members that JSON-RPC gives a meaning.
    ///
    /// Unknown members are checked as JSON and otherwise ignored.
    ///
    /// - Throws: `JSONError` at the first offending byte: with `duplicateKey` if one of the six
    ///   interpreted keys comes twice, with `notAnObject` if the line is another value.
    package static func scan(
        _ line: UnsafeRawBufferPointer, maxDepth: Int = JSONScanner.defaultDepth
    ) throws(JSONError) -> JSONMessage {
        var cursor = JSONCursor(line)
        try cursor.begin()
        guard cursor.take(UInt8(ascii: "{")) else {
            _ = try cursor.kind()
            throw cursor.failure(.notAnObject)
        }
        let innerDepth = JSONNesting.limit(maxDepth) &- 1
        guard innerDepth >= 0 else { throw JSONError(.tooDeep, at: cursor.index &- 1) }
        var message = JSONMessage()
        cursor.skipBlanks()
        if !cursor.take(UInt8(ascii: "}")) {
            while true {
                let key = try cursor.skipKey()
                let name = name(of: key, in: cursor.bytes)
                let start = cursor.index
                try cursor.skipValue(maxDepth: innerDepth)
                let value = JSONSpan(start: start, end: cursor.index)
                if let name, !message.set(name, value) {
                    throw JSONError(.duplicateKey, at: key.start)
                }
                cursor.skipBlanks()
                if cursor.take(UInt8(ascii: ",")) {
                    cursor.skipBlanks()
                } else {
                    guard cursor.take(UInt8(ascii: "}")) else {
                        throw cursor.failure(.expectedCommaOrBrace)
                    }
                    break
                }
            }
        }
        try cursor.finish()
        message.classify(cursor.bytes)
        return message
    }

    /// The keys of which the value is kept.
    fileprivate enum Name {
        case jsonrpc, id, method, params, result, error
    }

    /// Which of the interpreted keys lies within `key`.
    @inline(__always)
    private static func name(
        of key: JSONSpan, in bytes: JSONBytes
    ) -> Name? {
        let length = key.count
        guard length <= 7 else { return name(ofEscaped: key, in: bytes) }
        // The key's bytes as one number, first byte lowest.
        switch bytes.word(key.start, count: length) {
        case 0x64_69: return .id
        case 0x72_6F_72_72_65: return .error
        case 0x64_6F_68_74_65_6D: return .method
        case 0x73_6D_61_72_61_70: return .params
        case 0x74_6C_75_73_65_72: return .result
        case 0x63_70_72_6E_6F_73_6A: return .jsonrpc
        default: return length == 7 ? name(ofEscaped: key, in: bytes) : nil
        }
    }

    /// The same for a key with escapes; the shortest one that counts is `\u0069d`.
    @inline(never)
    private static func name(ofEscaped key: JSONSpan, in bytes: JSONBytes) -> Name? {
        let raw = bytes.raw(key)
        guard raw.contains(UInt8(ascii: "\\")) else { return nil }
        if JSONText.equals(raw, "jsonrpc") { return .jsonrpc }
        if JSONText.equals(raw, "id") { return .id }
        if JSONText.equals(raw, "method") { return .method }
        if JSONText.equals(raw, "params") { return .params }
        if JSONText.equals(raw, "result") { return .result }
        if JSONText.equals(raw, "error") { return .error }
        return nil
    }
}

extension JSONMessage {
    /// Keeps `value` under `name`; false if there is one already.
    @inline(__always)
    fileprivate mutating func set(_ name: JSONMessageScanner.Name, _ value: JSONSpan) -> Bool {
        switch name {
        case .jsonrpc: Self.keep(value, in: &jsonrpc)
        case .id: Self.keep(value, in: &id)
        case .method: Self.keep(value, in: &method)
        case .params: Self.keep(value, in: &params)
        case .result: Self.keep(value, in: &result)
        case .error: Self.keep(value, in: &error)
        }
    }

    @inline(__always)
    private static func keep(_ value: JSONSpan, in place: inout JSONSpan?) -> Bool {
        guard place == nil else { return false }
        place = value
        return true
    }

    /// Reads id and version and decides the form, once all members are known.
    fileprivate mutating func classify(_ bytes: JSONBytes) {
        if let jsonrpc {
            let raw = jsonrpc.unquoted
            isVersion2 =
                bytes.base[jsonrpc.start] == UInt8(ascii: "\"")
                && JSONText.equals(bytes.raw(raw), "2.0")
        }
        var idIsSane = true
        if let id {
            integerID = Self.integer(id, bytes)
            // "An identifier … that MUST contain a String, Number, or NULL value" (§4).
            idIsSane =
                switch JSONKind(firstByte: bytes.base[id.start]) {
                case .string, .number, .null: true
                case .object, .array, .true, .false, nil: false
                }
        }
        form = idIsSane ? form(bytes) : .invalid
    }

    private func form(_ bytes: JSONBytes) -> Form {
        if let method {
            guard bytes.base[method.start] == UInt8(ascii: "\""), result == nil, error == nil
            else {
                return .invalid
            }
            if let params {
                let first = bytes.base[params.start]
                guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
                    return .invalid
                }
            }
            return id == nil ? .notification : .request
        }
        guard id != nil else { return .invalid }
        if result != nil { return error == nil ? .success : .invalid }
        guard let error else { return .invalid }
        return bytes.base[error.start] == UInt8(ascii: "{") ? .failure : .invalid
    }

    /// The integer written in `span`, if it is one in canonical form that fits.
    private static func integer(_ span: JSONSpan, _ bytes: JSONBytes) -> Int? {
        var at = span.start
        let isNegative = bytes.base[at] == UInt8(ascii: "-")
        if isNegative { at &+= 1 }
        var value = 0
        while at < span.end {
            let digit = bytes.base[at] &- 48
            guard digit < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) =
                isNegative
                ? scaled.subtractingReportingOverflow(Int(digit))
                : scaled.addingReportingOverflow(Int(digit))
            if overflow || carry { return nil }
            value = next
            at &+= 1
        }
        // "-0" is a number but not how an integer id is written.
        return isNegative && value == 0 ? nil : value
    }
}
