// POSIXZone: the rule `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1 §8.3, with the wider hours of RFC 9636
// §3.3.1): how a clock goes on after the changes that a file lists.

internal import Bytes
internal import HTTPWire

/// The yearly rule of a time zone.
struct POSIXZone: Equatable {
    /// A day of each year and a time of that day.
    struct Switch: Equatable {
        /// How the day is named.
        enum Day: Equatable {
            /// Day 1 to 365; 29 February is never counted.
            case julian(Int)
            /// Day 0 to 365.
            case ofYear(Int)
            /// Weekday 0 to 6 of week 1 to 5 (the last) of a month.
            case weekday(month: Int, week: Int, day: Int)
        }

        var day: Day
        /// Seconds after midnight, from -167 to 167 hours.
        var time: Int64
    }

    /// Offset of the standard time in seconds; east is positive, unlike in the text.
    private(set) var standard: Int64
    /// Daylight saving: its offset, its beginning in standard time, its end in its own time.
    private(set) var saving: (offset: Int64, begin: Switch, end: Switch)?

    /// Reads a rule; nil if it is not sound.
    init?(_ text: String) {
        var reader = Reader(text)
        guard reader.skipName(), let west = reader.time(hourLimit: 24) else { return nil }
        standard = -west
        if reader.isAtEnd { return }
        guard reader.skipName() else { return nil }
        var offset = standard + 3600
        if reader.peek != UInt8(ascii: ","), !reader.isAtEnd {
            guard let west = reader.time(hourLimit: 24) else { return nil }
            offset = -west
        }
        guard reader.take(","), let begin = reader.change(), reader.take(","),
            let end = reader.change(), reader.isAtEnd
        else { return nil }
        saving = (offset, begin, end)
    }

    static func == (one: POSIXZone, other: POSIXZone) -> Bool {
        one.standard == other.standard && one.saving?.offset == other.saving?.offset
            && one.saving?.begin == other.saving?.begin && one.saving?.end == other.saving?.end
    }

    /// The changes after `last` (seconds since 1970) to the end of `year`, in order.
    func changes(after last: Int64, throughYear year: Int) -> [TimeZoneRules.Change] {
        guard let saving else {
            return [.init(at: max(last, -(1 << 40)) + 1, offset: standard)]
        }
        // A rule that begins before 1970 is unrolled from there: nothing here looks further back.
        let first = last < 0 ? 1970 : CivilDate(daysSinceEpoch: Int(last / 86_400)).year
        guard first <= year else { return [] }
        var changes: [TimeZoneRules.Change] = []
        for year in first...year {
            changes.append(
                .init(at: saving.begin.seconds(in: year) - standard, offset: saving.offset))
            changes.append(
                .init(at: saving.end.seconds(in: year) - saving.offset, offset: standard))
        }
        return changes.filter { $0.at > last }.sorted { $0.at < $1.at }
    }
}

extension POSIXZone.Switch {
    /// The moment in `year` on a clock that shows UTC.
    func seconds(in year: Int) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let newYear = CivilDate(year: year, month: 1, day: 1)?.daysSinceEpoch ?? 0
        let number: Int
        switch day {
        case .julian(let day): number = newYear + day - 1 + (isLeap && day >= 60 ? 1 : 0)
        case .ofYear(let day): number = newYear + day
        case .weekday(let month, let week, let day):
            let first = CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? newYear
            let weekday = (first + 4) % 7
            var date = first + (day - weekday + 7) % 7 + (week - 1) * 7
            let next = CivilDate(
                year: month == 12 ? year + 1 : year, month: month % 12 + 1, day: 1)
            if let next, date >= next.daysSinceEpoch { date -= 7 }
            number = date
        }
        return Int64(number) * 86_400 + time
    }
}

extension POSIXZone {
    /// Reads a rule from left to right.
    private struct Reader {
        private var rest: Substring.UTF8View

        init(_ text: String) { rest = Substring(text.prefix(256)).utf8 }

        var isAtEnd: Bool { rest.isEmpty }
        var peek: UInt8? { rest.first }

        mutating func take(_ mark: Unicode.Scalar) -> Bool {
            guard let first = rest.first, UInt32(first) == mark.value else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// `CET` or `<+03>`.
        mutating func skipName() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[rest.index(after: end)...]
                return true
            }
            let name = rest.prefix(while: ASCII.isLetter)
            rest = rest.dropFirst(name.count)
            return name.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix(while: ASCII.isDigit)
            guard (1...3).contains(digits.count), let value = Int(String(Substring(digits))),
                range.contains(value)
            else { return nil }
            rest = rest.dropFirst(digits.count)
            return value
        }

        /// `-2`, `3:30`, `26`: seconds.
        mutating func time(hourLimit: Int) -> Int64? {
            let sign: Int64 = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard let hours = number(0...hourLimit) else { return nil }
            var seconds = Int64(hours) * 3600
            if take(":") {
                guard let minutes = number(0...59) else { return nil }
                seconds += Int64(minutes) * 60
                if take(":") {
                    guard let rest = number(0...59) else { return nil }
                    seconds += Int64(rest)
                }
            }
            return sign * seconds
        }

        mutating func change() -> Switch? {
            let day: Switch.Day
            if take("M") {
                guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                    let weekday = number(0...6)
                else { return nil }
                day = .weekday(month: month, week: week, day: weekday)
            } else if take("J") {
                guard let number = number(1...365) else { return nil }
                day = .julian(number)
            } else {
                guard let number = number(0...365) else { return nil }
                day = .ofYear(number)
            }
            guard take("/") else { return Switch(day: day, time: 7200) }
            guard let time = time(hourLimit: 167) else { return nil }
            return Switch(day: day, time: time)
        }
    }
}
