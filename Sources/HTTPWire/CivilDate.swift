// CivilDate: days of the calendar, to and from a count of days; no time zones, no clock.

/// A day of the Gregorian calendar.
package struct CivilDate: Equatable, Sendable {
    /// The year, such as 2026.
    package var year: Int
    /// The month, 1 to 12.
    package var month: Int
    /// The day of the month, from 1.
    package var day: Int

    /// The day `days` after 1 January 1970; `days` is not negative.
    package init(daysSinceEpoch days: Int) {
        // Years that begin in March put the leap day last; 400 of them repeat exactly.
        let sinceMarch0 = days + 719_468
        let (cycle, dayOfCycle) = sinceMarch0.quotientAndRemainder(dividingBy: 146_097)
        let leapDays = dayOfCycle / 1460 - dayOfCycle / 36_524 + dayOfCycle / 146_096
        let yearOfCycle = (dayOfCycle - leapDays) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        // From March on, five months have 153 days.
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = 400 * cycle + yearOfCycle + (month <= 2 ? 1 : 0)
    }

    /// Makes a day, or nil if the month has no such day.
    package init?(year: Int, month: Int, day: Int) {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let length =
            switch month {
            case 2: isLeap ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        guard day >= 1, day <= length, month >= 1, month <= 12 else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Days from 1 January 1970 to this day; negative before.
    package var daysSinceEpoch: Int {
        let marchYear = month <= 2 ? year - 1 : year
        let marchMonth = month <= 2 ? month + 9 : month - 3
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        // Years are never negative here, so division rounds as it should.
        return 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear
            - 719_468
    }
}
