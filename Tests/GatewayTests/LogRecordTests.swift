// Records as lines: columns, order, and that nothing logged can forge a line.

import Bytes
import Foundation
import Logging
import Testing

@testable import Gateway

struct LogRecordTests {
    private func line(
        _ message: String, _ metadata: Logger.Metadata = [:], level: Logger.Level = .info,
        format: Settings.Log.Format = .text, colours: Bool = false
    ) -> String {
        let record = LogRecord(
            moment: LogMoment(seconds: 1_795_360_858, nanoseconds: 123_999_999), level: level,
            label: "signalbox", message: message, metadata: metadata)
        var buffer = ByteBuffer()
        record.append(to: &buffer, format: format, colours: colours)
        return buffer.text()
    }

    @Test func `a line of words has stable columns and sorted particulars`() {
        #expect(
            line("module ready", ["pid": .stringConvertible(123), "module": "host"])
                == "2026-11-22T15:20:58.123Z info  module ready module=host pid=123\n")
    }

    @Test(
        arguments: zip(
            Logger.Level.allCases, ["trace", "debug", "info ", "note ", "warn ", "error", "crit "]))
    func `levels are five columns wide`(level: Logger.Level, column: String) {
        #expect(line("x", level: level) == "2026-11-22T15:20:58.123Z \(column) x\n")
    }

    @Test func `colours wrap the level alone`() {
        #expect(
            line("x", level: .error, colours: true)
                == "2026-11-22T15:20:58.123Z \u{1B}[31merror\u{1B}[0m x\n")
        #expect(!line("x", format: .json, colours: true).contains("\u{1B}"))
    }

    @Test(arguments: [
        ("", #"k="""#), ("a b", #"k="a b""#), ("a=b", #"k="a=b""#), ("a\"b", #"k="a\"b""#),
        ("a\\b", #"k="a\\b""#), ("é", "k=é"), ("a\nb", #"k="a\nb""#),
        ("\u{1B}[2J", #"k="\u001b[2J""#),
        ("\u{85}", #"k="\u0085""#), ("\u{2028}", #"k="\u2028""#), ("\u{202E}x", #"k="\u202ex""#),
        ("\u{7F}", #"k="\u007f""#), ("\u{2013}", "k=\u{2013}"), ("\u{A0}", "k=\u{A0}"),
    ])
    func `values are quoted when they are no plain words`(value: String, shown: String) {
        #expect(line("m", ["k": .string(value)]).hasSuffix("m \(shown)\n"))
    }

    @Test func `messages and keys cannot forge a line`() {
        let evil = "x\r\n2026-11-22T15:20:58.123Z crit  forged\u{9B}2J\u{0}"
        for format in Settings.Log.Format.allCases {
            let text = line(evil, [evil: .string(evil)], format: format)
            #expect(text.utf8.filter { $0 == 0x0A }.count == 1)
            #expect(
                !text.unicodeScalars.dropLast().contains { $0.value < 0x20 || $0.value == 0x9B })
        }
        #expect(
            line("a\tb\nc").hasSuffix(#"info  a\tb\nc"# + "\n"))
    }

    @Test func `JSON has its fields and real numbers`() throws {
        let text = line(
            "a \"b\"\n",
            [
                "pid": .stringConvertible(7), "ok": .stringConvertible(true),
                "load": .stringConvertible(0.5), "nan": .stringConvertible(Double.nan),
                "list": ["x", .stringConvertible(1)], "map": ["z": "1", "a": "2"], "time": "mine",
            ], level: .warning, format: .json)
        #expect(
            text == #"{"time":"2026-11-22T15:20:58.123Z","level":"warning","logger":"signalbox","#
                + #""message":"a \"b\"\n","list":["x",1],"load":0.5,"map":{"a":"2","z":"1"},"#
                + #""nan":"nan","ok":true,"pid":7,"time_":"mine"}"# + "\n")
        #expect(throws: Never.self) {
            try JSONSerialization.jsonObject(with: Data(text.utf8))
        }
    }

    @Test func `lists and maps stay one value in a line of words`() {
        #expect(
            line("m", ["k": ["a b", "c"], "l": ["x": "y"]])
                .hasSuffix(#"m k=["a b","c"] l={"x":"y"}"# + "\n"))
    }

    @Test func `long values are cut at a character`() {
        let text = line("m", ["k": .string(String(repeating: "é", count: 10_000))])
        #expect(text.utf8.count < LogText.byteLimit + 100)
        #expect(text.hasSuffix("é…\n"))
    }

    @Test func `deep metadata ends somewhere`() {
        var value: Logger.MetadataValue = "x"
        for _ in 0..<1_000 { value = .array([value]) }
        #expect(line("m", ["k": value]).hasSuffix(#"m k=[[[[[[[["…"]]]]]]]]"# + "\n"))
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00.000Z"), (951_782_399, 999_000_000, "2000-02-28T23:59:59.999Z"),
        (4_102_444_800, 1_000_000, "2100-01-01T00:00:00.001Z"),
    ])
    func `moments are those of RFC 3339`(seconds: Int, nanoseconds: Int, text: String) {
        var buffer = ByteBuffer()
        LogMoment(seconds: seconds, nanoseconds: nanoseconds).append(to: &buffer)
        #expect(buffer.text() == text)
    }
}
