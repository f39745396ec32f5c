// JSONMessageScanner: which members of a JSON-RPC message are found, what the message is taken for,
// and that a line is checked as strictly as by the scanner itself.

import Testing

@testable import JSON

@Suite struct `JSON-RPC message scanner` {
    typealias Form = JSONMessage.Form

    @Test func `the members of a request are cut out`() throws {
        let line = #"{"jsonrpc":"2.0","id":17,"method":"a.b","params":{"x":[1,2]}}"#
        let message = try scan(line).get()
        #expect(message.form == .request)
        #expect(message.isVersion2)
        #expect(message.integerID == 17 && message.idIsInteger)
        #expect(text(message.method, line) == "\"a.b\"")
        #expect(text(message.params, line) == "{\"x\":[1,2]}")
        #expect(text(message.id, line) == "17")
        #expect(message.result == nil && message.error == nil)
    }

    @Test func `blanks belong to no member`() throws {
        let line = " { \"result\" : [ 1 ] , \"id\"\t: 3\r , \"jsonrpc\" : \"2.0\" } \n"
        let message = try scan(line).get()
        #expect(message.form == .success)
        #expect(text(message.result, line) == "[ 1 ]")
        #expect(text(message.id, line) == "3")
        #expect(message.integerID == 3)
    }

    @Test(arguments: [
        (#"{"id":1,"method":"m"}"#, Form.request),
        (#"{"id":"a","method":"m","params":[]}"#, .request),
        (#"{"id":null,"method":"m"}"#, .request),
        (#"{"method":"m"}"#, .notification),
        (#"{"method":"m","params":{}}"#, .notification),
        (#"{"id":1,"result":null}"#, .success),
        (#"{"id":1,"result":{"a":1},"extra":true}"#, .success),
        (#"{"id":1,"error":{"code":1}}"#, .failure),
        (#"{"id":null,"error":{}}"#, .failure),
        (#"{}"#, .invalid),
        (#"{"id":1}"#, .invalid),
        (#"{"result":1}"#, .invalid),
        (#"{"error":{}}"#, .invalid),
        (#"{"id":1,"result":1,"error":{}}"#, .invalid),
        (#"{"id":1,"error":"text"}"#, .invalid),
        (#"{"id":1,"error":null}"#, .invalid),
        (#"{"id":1,"method":"m","result":1}"#, .invalid),
        (#"{"id":1,"method":"m","error":{}}"#, .invalid),
        (#"{"id":1,"method":7}"#, .invalid),
        (#"{"id":1,"method":null}"#, .invalid),
        (#"{"id":1,"method":"m","params":"text"}"#, .invalid),
        (#"{"id":1,"method":"m","params":null}"#, .invalid),
        (#"{"id":true,"method":"m"}"#, .invalid),
        (#"{"id":{},"method":"m"}"#, .invalid),
        (#"{"id":[1],"result":1}"#, .invalid),
    ])
    func `the form follows from the members`(line: String, form: Form) throws {
        #expect(try scan(line).get().form == form)
    }

    @Test(arguments: [
        ("0", 0), ("1", 1), ("-1", -1), ("9007199254740993", 9_007_199_254_740_993),
        ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
        ("9223372036854775808", nil), ("-9223372036854775809", nil),
        ("123456789012345678901234567890", nil), ("-0", nil), ("1.0", nil), ("1e0", nil),
        ("1E2", nil), ("\"1\"", nil), ("null", nil), ("\"\"", nil), ("[1]", nil),
    ])
    func `only an integer that fits is an integer id`(id: String, wanted: Int?) throws {
        let line = "{\"id\":\(id),\"result\":0}"
        let message = try scan(line).get()
        #expect(message.integerID == wanted)
        #expect(text(message.id, line) == id)
    }

    @Test(arguments: [
        (#""2.0""#, true), (#""\u0032.0""#, true), (#""1.0""#, false), (#""2.00""#, false),
        (#"2.0"#, false), (#"[2.0]"#, false), (#""""#, false), (#"null"#, false),
    ])
    func `the version is the string 2_0`(value: String, isVersion2: Bool) throws {
        #expect(try scan("{\"jsonrpc\":\(value)}").get().isVersion2 == isVersion2)
    }

    @Test(arguments: ["jsonrpc", "id", "method", "params", "result", "error"])
    func `an interpreted key must not come twice, however it is written`(key: String) throws {
        let first = try #require(key.unicodeScalars.first)
        let code = String(first.value, radix: 16)
        let escaped = "\\u00\(code)" + key.dropFirst()
        for (one, other) in [(key, key), (key, escaped), (escaped, key), (escaped, escaped)] {
            let line = "{\"\(one)\":1,\"x\":2,\"\(other)\":3}"
            let wanted = JSONError(.duplicateKey, at: 13 + one.utf8.count)
            #expect(scan(line) == .failure(wanted), "\(line)")
        }
        #expect(try scan("{\"\(escaped)\":1}").get() != JSONMessage())
    }

    @Test func `keys that only resemble the interpreted ones are ignored`() throws {
        let keys = [
            "", "i", "idd", "Id", "ID", "di", "id ", "errors", "erro", "error\\u0000", "methods",
            "metho", "Method", "param", "paramss", "resul", "results", "jsonrp", "jsonrpcs",
            "jsonrpc\\u0000", "id\\u0000", "i\\\\d", "\\u0000id", "resultresult",
        ]
        for key in keys {
            let line = "{\"\(key)\":1,\"\(key)\":2}"
            #expect(try scan(line).get() == JSONMessage(), "\(key)")
            let close = "{\"\(key)\":1}"
            #expect(try scan(close).get() == JSONMessage(), "\(key)")
        }
    }

    @Test(arguments: Corpus.rejected)
    func `a line is refused for the same fault as by the scanner`(row: CorpusRow) {
        let alone = fault(in: row.bytes)
        if alone?.reason == .trailingBytes || alone?.reason == .byteOrderMark { return }
        // As a value, the text is followed by a bracket, so the end may be another fault.
        for prefix in ["{\"params\":", "{\"id\":0,\"x\":[", "{\"result\":{\"y\":"] {
            let line = Array(prefix.utf8) + row.bytes
            let scanned = scan(line)
            #expect(scanned == .failure(fault(in: line) ?? JSONError(.trailingBytes, at: -1)))
        }
    }

    @Test(arguments: Corpus.accepted)
    func `any value may be a result`(row: CorpusRow) throws {
        let line = Array("{\"id\":1,\"result\":".utf8) + row.bytes + [0x7D]
        let message = try scan(line).get()
        #expect(message.form == .success)
        let span = try #require(message.result)
        let value = Array(line[span.start..<span.end])
        #expect(fault(in: value) == nil)
        #expect(try tree(value).get() == tree(row.bytes).get())
    }

    @Test(arguments: ["[]", "1", "\"a\"", "null", "[{\"id\":1}]"])
    func `a line that is no object is refused`(line: String) {
        #expect(scan(line) == .failure(JSONError(.notAnObject, at: 0)))
    }

    @Test(arguments: [
        ("", JSONError.Reason.unexpectedEnd, 0), ("{\"id\":1", .unexpectedEnd, 7),
        ("{\"id\":1,", .unexpectedEnd, 8), ("{\"id\":1}{", .trailingBytes, 8),
        ("{\"id\":1,}", .expectedKey, 8), ("{\"id\" 1}", .expectedColon, 6),
        ("{\"id\":1 \"a\":2}", .expectedCommaOrBrace, 8), ("{,}", .expectedKey, 1),
        ("x{}", .expectedValue, 0), ("banner: {\"id\":1}", .expectedValue, 0),
        ("\u{FEFF}{}", .byteOrderMark, 0),
    ])
    func `a broken line is refused where it breaks`(
        line: String, reason: JSONError.Reason, offset: Int
    ) {
        #expect(scan(line) == .failure(JSONError(reason, at: offset)))
    }

    @Test func `the depth limit counts the message itself`() throws {
        let line = "{\"params\":[[1]]}"
        #expect(try scan(line, maxDepth: 3).get().params != nil)
        #expect(scan(line, maxDepth: 2) == .failure(JSONError(.tooDeep, at: 11)))
        #expect(scan(line, maxDepth: 0) == .failure(JSONError(.tooDeep, at: 0)))
        let deep = "{\"params\":" + String(repeating: "[", count: 1_000_000)
        #expect(scan(deep) == .failure(JSONError(.tooDeep, at: 73)))
    }

    @Test func `cut anywhere, a message is refused`() {
        let line = #"{"jsonrpc":"2.0","id":17,"error":{"code":-1,"message":"é"},"x":[true]}"#
        for length in 0..<line.utf8.count {
            if case .success = scan(Array(line.utf8.prefix(length))) {
                Issue.record("accepted with \(length) bytes")
            }
        }
    }

    private func scan(_ line: String, maxDepth: Int = 64) -> Result<JSONMessage, JSONError> {
        scan(Array(line.utf8), maxDepth: maxDepth)
    }

    private func scan(_ line: [UInt8], maxDepth: Int = 64) -> Result<JSONMessage, JSONError> {
        withPlaced(line) { line in
            do throws(JSONError) {
                return .success(try JSONMessageScanner.scan(line, maxDepth: maxDepth))
            } catch {
                return .failure(error)
            }
        }
    }

    private func text(_ span: JSONSpan?, _ line: String) -> String? {
        guard let span else { return nil }
        return String(decoding: Array(line.utf8)[span.start..<span.end], as: UTF8.self)
    }
}
