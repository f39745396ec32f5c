// CronExpression: the five fields of cron as sets of numbers, read from text. When they come next is
// in CronSearch.swift; time zones are in TimeZoneRules.swift.
//
//     minute  hour  day of month  month  day of week        */5 8-17 * * mon-fri
//
// The grammar is that of Vixie cron with `?`, `L` and `#` as Python's croniter has them. There is no
// field for seconds: programs disagree on where it stands, and `every` counts seconds better.

internal import Bytes

/// When a cron timer fires, in local time.
///
/// Any thread.
struct CronExpression: Sendable, Equatable {
    /// What is wrong with an expression, for people.
    struct Fault: Error, Equatable {
        /// One sentence without a full stop.
        let problem: String
    }

    /// Longest expression that is looked at, in bytes; sixty numbers of a list fit twice.
    static let byteLimit = 512

    /// Bit per minute.
    private(set) var minutes: UInt64 = 0
    /// Bit per hour.
    private(set) var hours: UInt64 = 0
    /// Bit per day of the month, from bit 1.
    private(set) var days: UInt64 = 0
    /// Bit per month, from bit 1.
    private(set) var months: UInt64 = 0
    /// Bit per day of the week, Sunday first.
    private(set) var weekdays: UInt64 = 0
    /// Whether the last day of the month counts, whichever that is.
    private(set) var hasLastDay = false
    /// Bit per day of the week of which only some of a month count: `nth` says which.
    private(set) var nth = WeekdayOrdinals()
    /// Whether either of the two day fields suffices, because both say something.
    private(set) var eitherDay = false

    /// Whether every hour counts.
    ///
    /// Such expressions follow the time that passes; those that name
    /// hours follow the clock on the wall.
    var hasEveryHour: Bool { hours == (1 << 24) - 1 }

    /// Minutes between the two moments of a day that are closest, or between its last and the
    /// first of the next if every day counts; a day otherwise.
    var shortestGapMinutes: Int {
        var shortest = 24 * 60
        var first: Int?
        var last: Int?
        for hour in 0..<24 where hours & (1 << hour) != 0 {
            for minute in 0..<60 where minutes & (1 << minute) != 0 {
                let moment = hour * 60 + minute
                if let last { shortest = min(shortest, moment - last) }
                first = first ?? moment
                last = moment
            }
        }
        let isDaily =
            eitherDay == false && days == CronField.day.all && weekdays == CronField.weekday.all
        if isDaily, let first, let last { shortest = min(shortest, first + 24 * 60 - last) }
        return shortest
    }

    /// The names for common expressions.
    static let macros: [String: String] = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
        "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
        "@hourly": "0 * * * *",
    ]

    /// Reads five fields or a name such as `@daily`; the case of letters is free.
    init(_ text: String) throws(Fault) {
        guard text.utf8.count <= Self.byteLimit else {
            throw Fault(problem: "the expression is longer than \(Self.byteLimit) bytes")
        }
        let lower = text.lowercased()
        if lower.hasPrefix("@"), Self.macros[lower] == nil {
            throw Fault(
                problem: "there is no \(text); there are "
                    + Self.macros.keys.sorted().joined(separator: ", "))
        }
        let fields = (Self.macros[lower] ?? lower)
            .split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count == 5 else {
            throw Fault(
                problem: "there \(fields.count == 1 ? "is" : "are") "
                    + "\(Quantity.text(fields.count, "field")); five are needed:"
                    + " minute, hour, day of month, month, day of week")
        }
        minutes = try CronField.minute.read(fields[0]).numbers
        hours = try CronField.hour.read(fields[1]).numbers
        let day = try CronField.day.read(fields[2])
        months = try CronField.month.read(fields[3]).numbers
        let weekday = try CronField.weekday.read(fields[4])
        days = day.numbers
        hasLastDay = day.hasLast
        weekdays = weekday.numbers
        nth = weekday.nth
        guard nth.isEmpty || weekdays == 0 else {
            throw Fault(
                problem: "days of the week with # or L cannot stand beside others without")
        }
        combineDays(day, fields[2], weekday, fields[4])
    }

    /// Whether one day field suffices or both are needed.
    ///
    /// Cron's old rule: if both say something, either suffices. A field of all its values says
    /// nothing where the other one has a star.
    private mutating func combineDays(
        _ day: CronField.Value, _ dayText: String, _ weekday: CronField.Value,
        _ weekdayText: String
    ) {
        let anyDay = day.isAny || (day.isAll && weekdayText.contains("*"))
        let anyWeekday = weekday.isAny || (weekday.isAll && dayText.contains("*"))
        eitherDay = !anyDay && !anyWeekday
        if anyDay { days = CronField.day.all }
        if anyWeekday { weekdays = CronField.weekday.all }
    }
}

/// Which of a month's Mondays, Tuesdays and so on count: the first, the third, the last.
struct WeekdayOrdinals: Sendable, Equatable {
    /// Bits 1 to 5 for the first to the fifth, bit 6 for the last, by day of the week.
    private var masks: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0, 0, 0)

    /// The bit that stands for the last one of a month.
    static let last = 6

    /// Whether nothing is marked.
    var isEmpty: Bool { (0..<7).allSatisfy { self[$0] == 0 } }

    /// The bits of one day of the week, 0 for Sunday.
    subscript(_ weekday: Int) -> UInt8 {
        get {
            withUnsafeBytes(of: masks) { $0[weekday] }
        }
        set {
            withUnsafeMutableBytes(of: &masks) { $0[weekday] = newValue }
        }
    }

    static func == (one: WeekdayOrdinals, other: WeekdayOrdinals) -> Bool {
        (0..<7).allSatisfy { one[$0] == other[$0] }
    }
}
