// TraceContext: which values of traceparent are passed on, and those that are made.

import Bytes
import Testing

@testable import Gateway

@Suite struct `Trace context` {
    private static let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"

    private func isValid(_ text: String) -> Bool {
        Array(text.utf8).withUnsafeBytes { TraceContext.isValid($0) }
    }

    @Test(arguments: ["00-\(ids)-01", "00-\(ids)-00", "01-\(ids)-01", "cc-\(ids)-01-more.of-it"])
    func `valid values pass`(text: String) { #expect(isValid(text)) }

    @Test(arguments: [
        "", "00", "00-\(ids)", "00-\(ids)-0", "00-\(ids)-0g", "ff-\(ids)-01", "00-\(ids)-01-",
        "00-\(ids)-01-x", "01-\(ids)-01x", "01-\(ids)-01-a b", "00_\(ids)-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "01-\(ids)-01-" + String(repeating: "a", count: 300),
    ])
    func `others do not`(text: String) { #expect(!isValid(text)) }

    @Test(arguments: [0, 1, 0x0123_4567_89AB_CDEF, .max] as [UInt64])
    func `what is made is valid`(word: UInt64) {
        var out = ByteBuffer()
        TraceContext.append(word, word, word, to: &out)
        #expect(out.count == TraceContext.byteCount && TraceContext.isValid(out.readable))
    }
}
