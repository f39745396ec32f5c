// CronSearch: the next moment at which a cron expression fires in a time zone.
//
// Time is walked along the segments of the zone, in each of which local time runs evenly:
//
//     … CET, +1 h …│2027-03-28 01:00Z│… CEST, +2 h …│2027-10-31 01:00Z│… CET, +1 h …
//                  02:00 → 03:00 is skipped          03:00 → 02:00 is repeated
//
// The rule for the two switches is Vixie cron's. An expression that names hours follows the clock on
// the wall: what was skipped runs once, right after the switch; what is repeated runs the first time
// only. One whose hours are all (`*`) follows the time that passes, so that `*/5 * * * *` neither
// pauses for an hour nor runs twice.

internal import HTTPWire

extension CronExpression {
    /// Years that are searched; 29 February on a given weekday comes within 40.
    static let searchYears = 50

    /// The first moment after `seconds` (since 1970), or nil if there is none in 50 years.
    func next(after seconds: Int64, in zone: TimeZoneRules) -> Int64? {
        // Local time before 1970 is nobody's future.
        var from = max(seconds, 2 * 86_400) + 1
        let end = from + Int64(Self.searchYears) * 366 * 86_400
        while from < end {
            let segment = zone.segment(at: from)
            let limit = min(segment.end, end)
            var local = from + segment.offset
            if !hasEveryHour {
                // What the segment before had on its clock already is not had again.
                local = max(local, segment.repeatedUntil)
            }
            // Looked for as far as the gap behind the segment, but not farther.
            let bound = limit + segment.offset + max(segment.gap, 0)
            guard let found = firstMatch(atOrAfter: local, before: bound) else {
                from = limit
                continue
            }
            let moment = found - segment.offset
            if moment < segment.end { return moment < end ? moment : nil }
            guard !hasEveryHour else {
                from = segment.end
                continue
            }
            return segment.end  // it fell into the gap: right after
        }
        return nil
    }

    /// The first local second that fits, from `local` to before `end`.
    private func firstMatch(atOrAfter local: Int64, before end: Int64) -> Int64? {
        guard local < end else { return nil }
        let start = (local + 59) / 60
        var day = Int(start / 1440)
        var minute = Int(start % 1440)
        let lastDay = Int((end - 1) / 86_400)
        while day <= lastDay {
            let date = CivilDate(daysSinceEpoch: day)
            guard months & (1 << date.month) != 0 else {
                day += Self.length(of: date) - date.day + 1
                minute = 0
                continue
            }
            if fits(date, day), let found = firstMinute(atOrAfter: minute) {
                let moment = Int64(day) * 86_400 + Int64(found) * 60
                return moment < end ? moment : nil
            }
            day += 1
            minute = 0
        }
        return nil
    }

    private func firstMinute(atOrAfter minute: Int) -> Int? {
        let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
        if hours & (1 << hour) != 0 {
            let left = (minutes >> rest) << rest
            if left != 0 { return hour * 60 + left.trailingZeroBitCount }
        }
        let later = hours & ~((2 << hour) &- 1)
        guard later != 0, minutes != 0 else { return nil }
        return later.trailingZeroBitCount * 60 + minutes.trailingZeroBitCount
    }

    private func fits(_ date: CivilDate, _ day: Int) -> Bool {
        let length = Self.length(of: date)
        let dayFits = days & (1 << date.day) != 0 || (hasLastDay && date.day == length)
        let weekday = (day + 4) % 7  // 1 January 1970 was a Thursday
        let ordinal = (date.day - 1) / 7 + 1
        let marks = nth[weekday]
        let weekdayFits =
            weekdays & (1 << weekday) != 0 || marks & (1 << ordinal) != 0
            || (marks & (1 << WeekdayOrdinals.last) != 0 && date.day + 7 > length)
        return eitherDay ? dayFits || weekdayFits : dayFits && weekdayFits
    }

    private static func length(of date: CivilDate) -> Int {
        let next = CivilDate(
            year: date.month == 12 ? date.year + 1 : date.year, month: date.month % 12 + 1, day: 1)
        let first = CivilDate(year: date.year, month: date.month, day: 1)
        guard let next, let first else { return 31 }
        return next.daysSinceEpoch - first.daysSinceEpoch
    }
}
