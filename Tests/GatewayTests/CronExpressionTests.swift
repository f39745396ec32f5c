// Cron expressions: what is read, what is refused, and the two switches by hand.

import Testing

@testable import Gateway

@Suite struct CronExpressionTests {
    private func next(_ text: String, _ after: String, _ zone: String?, _ count: Int) throws
        -> [String]
    {
        let expression = try CronExpression(text)
        let rules = try TimeZoneStore().zone(zone)
        var last = try #require(Timestamp.parse(after)) / 1_000_000_000
        var moments: [String] = []
        while moments.count < count, let found = expression.next(after: last, in: rules) {
            moments.append(Timestamp.text(found * 1_000_000_000))
            last = found
        }
        return moments.map { String($0.prefix(16)) }
    }

    // Berlin, 2027-03-28: 02:00 → 03:00 at 01:00Z. 2027-10-31: 03:00 → 02:00 at 01:00Z.
    @Test(arguments: [
        // Skipped: once, right after the switch; then as ever.
        ("30 2 * * *", "2027-03-27T02:00:00Z", ["2027-03-28T01:00", "2027-03-29T00:30"]),
        ("0,30 2,3 * * *", "2027-03-27T22:00:00Z", ["2027-03-28T01:00", "2027-03-28T01:30"]),
        // Repeated: the first time only.
        ("30 2 * * *", "2027-10-30T22:00:00Z", ["2027-10-31T00:30", "2027-11-01T01:30"]),
        // Every hour: as time passes.
        (
            "30 * * * *", "2027-10-30T23:45:00Z",
            ["2027-10-31T00:30", "2027-10-31T01:30", "2027-10-31T02:30"]
        ),
        (
            "30 * * * *", "2027-03-27T23:45:00Z",
            ["2027-03-28T00:30", "2027-03-28T01:30", "2027-03-28T02:30"]
        ),
    ])
    func `a skipped time comes once right after, a repeated one once`(
        text: String, after: String, expected: [String]
    ) throws {
        #expect(try next(text, after, "Europe/Berlin", expected.count) == expected)
    }

    @Test(arguments: [
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00"]),
        ("0 12 l * *", "2027-01-31T12:00:00Z", ["2027-02-28T12:00", "2027-03-31T12:00"]),
        ("0 0 13 * fri", "2027-08-01T00:00:00Z", ["2027-08-06T00:00", "2027-08-13T00:00"]),
        ("@Hourly", "2027-01-01T00:00:00Z", ["2027-01-01T01:00"]),
        ("0 0 * * mon#1", "2027-01-01T00:00:00Z", ["2027-01-04T00:00", "2027-02-01T00:00"]),
        ("0 0 * * 5-7", "2027-01-01T00:00:00Z", ["2027-01-02T00:00", "2027-01-03T00:00"]),
        ("0 22-2/2 * * *", "2027-01-01T01:00:00Z", ["2027-01-01T02:00", "2027-01-01T22:00"]),
    ])
    func `days and ranges come as cron means them`(
        text: String, after: String, expected: [String]
    ) throws {
        #expect(try next(text, after, nil, expected.count) == expected)
    }

    @Test(arguments: ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
    func `what no month has never comes`(text: String) throws {
        #expect(try CronExpression(text).next(after: 0, in: .utc) == nil)
    }

    @Test(arguments: [
        "", " ", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
        "* * * 0 *", "* * * 13 *", "* * * * 8", "a * * * *", "-1 * * * *", "1- * * * *",
        "1-2-3 * * * *", "*/0 * * * *", "*/ * * * *", "*/60 * * * *", "1,,2 * * * *", ", * * * *",
        "? * * * *", "* * * * mon#0", "* * * * mon#6", "* * * * #1", "* * * * mon#1,2",
        "* * * * l9", "l * * * *", "@reboot", "@", "99999999999999999999 * * * *",
        "\u{661} * * * *",
        "*/5/5 * * * *", "5 * * * mön",
    ])
    func `what is no cron expression is refused`(text: String) {
        #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
    }

    @Test func `an expression beyond the limit is refused before it is read`() {
        let text = String(repeating: "1,", count: 400) + "1 * * * *"
        #expect(throws: CronExpression.Fault.self) { try CronExpression(text) }
    }
}
