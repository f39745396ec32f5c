// Timestamp: moments as people and programs write them: RFC 3339, in UTC.

/// Conversions between RFC 3339 text and nanoseconds since 1970.
enum Timestamp {
    private static let dayNanos: Int64 = 86_400_000_000_000

    /// `2026-12-01T08:00:00.250Z`.
    static func text(_ nanos: Int64) -> String {
        let day = floorDivide(nanos, dayNanos)
        let rest = nanos - day * dayNanos
        let (year, month, date) = civil(day)
        let seconds = rest / 1_000_000_000
        let millis = rest / 1_000_000 % 1000
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(date, 2))T\(pad(seconds / 3600, 2)):"
            + "\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2)).\(pad(millis, 3))Z"
    }

    /// Reads a moment with `Z` or an offset; nil if it is none, or lies outside 1970 to 2200.
    static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 35, bytes[4] == 45, bytes[7] == 45,
            bytes[10] | 0x20 == 116 || bytes[10] == 32, bytes[13] == 58, bytes[16] == 58,
            let year = number(bytes, 0, 4), let month = number(bytes, 5, 2),
            let date = number(bytes, 8, 2), let hour = number(bytes, 11, 2),
            let minute = number(bytes, 14, 2), let second = number(bytes, 17, 2),
            (1970...2200).contains(year), (1...12).contains(month), date >= 1,
            date <= daysInMonth(year, month), hour < 24, minute < 60, second < 61
        else { return nil }
        var place = 19
        var nanos: Int64 = 0
        if bytes[place] == 46 {
            place += 1
            let start = place
            var unit: Int64 = 100_000_000
            while place < bytes.count, bytes[place] >= 48, bytes[place] <= 57 {
                nanos += Int64(bytes[place] - 48) * unit
                unit /= 10
                place += 1
            }
            guard place > start else { return nil }
        }
        guard let offset = offset(bytes, place) else { return nil }
        let seconds = Int64(hour * 3600 + minute * 60 + second - offset)
        return days(year, month, date) * dayNanos + seconds * 1_000_000_000 + nanos
    }

    private static func offset(_ bytes: [UInt8], _ place: Int) -> Int? {
        guard place < bytes.count else { return nil }
        if bytes[place] | 0x20 == 122 { return place + 1 == bytes.count ? 0 : nil }
        guard bytes[place] == 43 || bytes[place] == 45, place + 6 == bytes.count,
            bytes[place + 3] == 58, let hours = number(bytes, place + 1, 2),
            let minutes = number(bytes, place + 4, 2), hours < 24, minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return bytes[place] == 43 ? seconds : -seconds
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int? {
        guard start + count <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[start..<(start + count)] {
            guard byte >= 48, byte <= 57 else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        return value
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }

    private static func floorDivide(_ value: Int64, _ by: Int64) -> Int64 {
        value >= 0 ? value / by : (value - by + 1) / by
    }

    private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    }

    /// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ date: Int) -> Int64 {
        // Years are counted from March, so that the leap day comes last.
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + date - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int64(era * 146_097 + dayOfEra - 719_468)
    }

    private static func civil(_ day: Int64) -> (Int64, Int64, Int64) {
        let z = day + 719_468
        let era = floorDivide(z, 146_097)
        let dayOfEra = z - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
            dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }
}
