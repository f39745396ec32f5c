import Bytes
import HTTPWire
import Testing

@Suite struct HTTPDateTests {
    private static let now = 1_790_000_000  // September 2026

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func `a time is written and read back`(_ seconds: Int, _ text: String) {
        #expect(written { HTTPDate.append(epochSeconds: seconds, to: &$0) } == text)
        #expect(withBytes(text) { HTTPDate.parse($0, now: Self.now) } == seconds)
        #expect(text.utf8.count == HTTPDate.byteCount)
    }

    @Test func `times that cannot be written are moved to the nearest that can`() {
        let first = "Thu, 01 Jan 1970 00:00:00 GMT"
        #expect(written { HTTPDate.append(epochSeconds: -1, to: &$0) } == first)
        #expect(written { HTTPDate.append(epochSeconds: Int.min, to: &$0) } == first)
        let last = "Fri, 31 Dec 9999 23:59:59 GMT"
        #expect(written { HTTPDate.append(epochSeconds: Int.max, to: &$0) } == last)
    }

    @Test func `every day of four centuries is read back`() {
        for day in stride(from: 0, to: 146_097, by: 13) {
            let seconds = day * 86_400 + day % 86_400
            let text = written { HTTPDate.append(epochSeconds: seconds, to: &$0) }
            #expect(withBytes(text) { HTTPDate.parse($0, now: Self.now) } == seconds)
        }
    }

    @Test(arguments: [
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Tue Nov 15 08:12:31 1994", 784_887_151), ("Tuesday, 15-Nov-94 08:12:31 GMT", 784_887_151),
        ("Wednesday, 01-Jan-70 00:00:00 GMT", 3_155_760_000),
        ("Saturday, 01-Jan-77 00:00:00 GMT", 220_924_800),
        ("Mon, 01 Jan 1900 00:00:00 GMT", -2_208_988_800),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
        ("Thursday, 01-Jan-26 00:00:00 GMT", 1_767_225_600),
    ])
    func `the old forms are read`(_ text: String, _ seconds: Int) {
        #expect(withBytes(text) { HTTPDate.parse($0, now: Self.now) } == seconds)
    }

    @Test(arguments: [
        "", "0", "Sun", "Sun,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994  8:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sundays, 06-Nov-94 08:49:37 GMT", "Sunday Nov  6 08:49:37 1994",
        "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT", "Xyz, 06 Nov 1994 08:49:37 GMT",
    ])
    func `anything else is no date`(_ text: String) {
        #expect(withBytes(text) { HTTPDate.parse($0, now: Self.now) } == nil)
    }
}
