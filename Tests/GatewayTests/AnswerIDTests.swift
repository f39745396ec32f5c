// AnswerID: whose answer something was that is no JSON.

import Testing

@testable import Gateway

@Suite struct AnswerIDTests {
    @Test(arguments: [
        (#"{"jsonrpc":"2.0","id":1024,"result":NaN}"#, 1024),
        (#"{"jsonrpc":"2.0", "id" : 7 , "result":["#, 7),
        (#"{"result":{"id":3},"id":4,}"#, 4),
        (#"{"result":[{"id":3}, "id", "\"id\":5"],"id":4}"#, 4),
        (#"{"result":"id","id":4}"#, 4),
        (#"{"id":12"#, 12),
        (#"{"method":"x","id":4,"params":NaN}"#, nil),
        (#"{"id":"4"}"#, nil),
        (#"{"id":4.5}"#, nil),
        (#"{"id":-4}"#, nil),
        (#"{"id":99999999999999999999}"#, nil),
        (#"{"result":{"id":4}"#, nil),
        (#"[{"id":4}]"#, nil),
        (#"{} {"id":4}"#, nil),
        (#"{"id"#, nil),
        (#"{"id":"#, nil),
        (#"{"a\"#, nil), (#"{"ids":1,"i":2,"id ":3,"":4,"Id":5}"#, nil),
        (#"{"\u0069d":4}"#, nil), (#"{"methods":1,"xxxxxxxxxxxid":3,"id":4}"#, 4),
        ("id: 4", nil),
        ("", nil),
    ])
    func `the id is read where it can be`(text: String, id: Int?) {
        Array(text.utf8).withUnsafeBytes { #expect(AnswerID.find(in: $0, isWhole: true) == id) }
        // And in pieces, as what is passed over comes.
        for size in 1...3 {
            var search = AnswerID()
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                rest.prefix(size).withUnsafeBytes { search.feed($0) }
                rest = rest.dropFirst(size)
            }
            search.end()
            #expect(search.id == id && search.isSettled, "in pieces of \(size)")
        }
    }

    @Test func `a number at a cut may go on`() {
        Array(#"{"id":12"#.utf8).withUnsafeBytes {
            #expect(AnswerID.find(in: $0, isWhole: false) == nil)
        }
    }
}
