// Timers as requests describe them.

import Bytes
import JSON
import Notifier
import Testing

@testable import Gateway

@Suite struct TimerRequestTests {
    @Test(
        "a request for a timer names each of its faults",
        arguments: [
            (#"{"every":"1s","emit":{"signal":"a.b","data":1}}"#, [String]()),
            (#"{"at":"2026-12-01T08:00:00Z","call":{"module":"m","command":"c"}}"#, []),
            (#"{"cron":"*/5 * * * *","timezone":"Europe/Berlin","emit":{"signal":"a"}}"#, []),
            (#"{"cron":"@daily","overlap":"queue","jitter":"2s","emit":{"signal":"a"}}"#, []),
            (#"[]"#, [""]), (#"{}"#, ["/every", "/emit"]),
            (#"{"every":"1s","after":"2s","emit":{"signal":"a"}}"#, ["/after"]),
            (#"{"every":"1ms","emit":{"signal":"a"}}"#, ["/every"]),
            (#"{"every":"400d","emit":{"signal":"a"}}"#, ["/every"]),
            (#"{"every":"soon","emit":{"signal":"a b"}}"#, ["/every", "/emit/signal"]),
            (#"{"at":"tomorrow","emit":{"signal":"signalbox.x"}}"#, ["/at", "/emit/signal"]),
            (#"{"every":"1s","emit":{"signal":"a"},"evry":1}"#, ["/evry"]),
            (#"{"every":"1s","emit":{"signal":"a"},"max_runs":0}"#, ["/max_runs"]),
            (#"{"every":"1s","emit":{"signal":"a"},"overlap":"x"}"#, ["/overlap"]),
            (#"{"every":"1s","emit":{"signal":"a"},"jitter":"2d"}"#, ["/jitter"]),
            (#"{"every":"1s","emit":{"signal":"a"},"jitter":"2s"}"#, ["/jitter"]),
            (#"{"every":"2s","emit":{"signal":"a"},"jitter":"2s"}"#, []),
            (#"{"after":"1s","emit":{"signal":"a"},"jitter":"1d"}"#, []),
            (#"{"after":"1s","emit":{"signal":"a"},"jitter":"25h"}"#, ["/jitter"]),
            (#"{"cron":"*/5 * * * *","emit":{"signal":"a"},"jitter":"5m"}"#, []),
            (#"{"cron":"*/5 * * * *","emit":{"signal":"a"},"jitter":"301s"}"#, ["/jitter"]),
            (#"{"cron":"0 23,1 * * *","emit":{"signal":"a"},"jitter":"3h"}"#, ["/jitter"]),
            (#"{"cron":"0 23,1 * * mon","emit":{"signal":"a"},"jitter":"3h"}"#, []),
            (#"{"cron":"@yearly","emit":{"signal":"a"},"jitter":"25h"}"#, ["/jitter"]),
            (#"{"every":"1s","timezone":"UTC","emit":{"signal":"a"}}"#, ["/timezone"]),
            (#"{"cron":"* * * *","emit":{"signal":"a"}}"#, ["/cron"]),
            (#"{"cron":5,"emit":{"signal":"a"}}"#, ["/cron"]),
            (#"{"cron":"@daily","timezone":"../x","emit":{"signal":"a"}}"#, ["/timezone"]),
            (#"{"every":"1s","emit":"a"}"#, ["/emit"]),
            (#"{"every":"1s","emit":{"signal":"a"},"call":1}"#, ["/emit"]),
            (#"{"every":"1s","emit":{}}"#, ["/emit/signal"]),
            (#"{"every":"1s","emit":{"signal":"a","dat":1}}"#, ["/emit/dat"]),
            (#"{"every":"1s","emit":{"sigal":"a"}}"#, ["/emit/sigal", "/emit/signal"]),
            (#"{"every":"1s","call":{"module":"m","command":"c","param":{}}}"#, ["/call/param"]),
            (#"{"every":"1s","emit":{"signal":"a"},"a/b~":1}"#, ["/a~1b~0"]),
            (#"{"id":"a/b","every":"1s","call":{"module":"m"}}"#, ["/id", "/call"]),
            (#"{"every":"1s","call":{"module":"m","command":"x\",\"id\":1}\n"}}"#, ["/call"]),
        ])
    func requests(_ text: String, _ expected: [String]) throws {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        do throws(TimerRequest.Fault) {
            _ = try TimerRequest(value)
            #expect(expected.isEmpty)
        } catch {
            #expect(error.faults.map(\.pointer) == expected)
        }
    }

    @Test(
        "a name that is not known is answered with the one that was meant",
        arguments: [
            (#"{"evry":"1s","every":"1s","emit":{"signal":"a"}}"#, #"did you mean "every"?"#),
            (#"{"every":"1s","emit":{"signal":"a","dat":1}}"#, #"did you mean "data"?"#),
            (
                #"{"every":"1s","call":{"module":"m","command":"c","zzz":1}}"#,
                "known: command, module, params"
            ),
        ])
    func suggestions(_ text: String, _ advice: String) throws {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        let fault = #expect(throws: TimerRequest.Fault.self) { try TimerRequest(value) }
        #expect(fault?.faults.map(\.message) == ["is not known here; \(advice)"])
    }

    @Test(
        "a timer is shown in the words by which it is asked for",
        arguments: [
            #"{"after":"90s","emit":{"signal":"a","data":null}}"#,
            #"{"every":"250ms","call":{"module":"m","command":"c","params":{"x":[1]}},"jitter":"100ms"}"#,
            #"{"cron":"0 8 * * 1-5","timezone":"Europe/Berlin","emit":{"signal":"a"},"max_runs":9}"#,
            #"{"at":"2030-12-01T08:00:00.000Z","overlap":"queue","emit":{"signal":"a"}}"#,
        ])
    func roundTrip(_ text: String) throws {
        let value = try Array(text.utf8).withUnsafeBytes { try JSONValue.parse($0) }
        let plan = try TimerRequest(value).plan
        let shown = JSONBytes.make { json in
            json.beginObject()
            plan.writeMembers(&json)
            json.endObject()
        }
        let again = try shown.withUnsafeBytes { try JSONValue.parse($0) }
        #expect(try TimerRequest(again).plan == plan)
    }

    @Test(
        "moments are read and written as RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
            ("2026-11-22T15:20:58Z", 1_795_360_858, "2026-11-22T15:20:58.000Z"),
            ("2024-02-29T23:59:59+01:00", 1_709_247_599, "2024-02-29T22:59:59.000Z"),
            ("2000-03-01 00:00:00.5Z", 951_868_800, "2000-03-01T00:00:00.500Z"),
        ])
    func moments(_ text: String, _ seconds: Int64, _ again: String) throws {
        let nanos = try #require(Timestamp.parse(text))
        #expect(nanos / 1_000_000_000 == seconds)
        #expect(Timestamp.text(nanos) == again)
    }

    @Test(
        "what is no moment is refused",
        arguments: [
            "", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
            "1969-12-31T23:59:59Z", "2026-01-01T00:00:00Zz", "x026-01-01T00:00:00Z",
        ])
    func noMoments(_ text: String) {
        #expect(Timestamp.parse(text) == nil)
    }
}
