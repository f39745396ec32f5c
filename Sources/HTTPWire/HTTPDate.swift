// HTTPDate: points in time as HTTP spells them (RFC 9110 §5.6.7), to and from epoch seconds.
//
//     Sun, 06 Nov 1994 08:49:37 GMT      written, and read
//     Sunday, 06-Nov-94 08:49:37 GMT     read only (RFC 850)
//     Sun Nov  6 08:49:37 1994           read only (asctime)
//
// There is no clock here: `now` comes from the caller.

package import Bytes

/// Formats and parses HTTP dates.
package enum HTTPDate {
    /// Number of bytes that `append` writes.
    package static var byteCount: Int { 29 }

    /// Appends `epochSeconds` as IMF-fixdate; the years 1970 to 9999 can be written, others are
    /// moved to that range.
    package static func append(epochSeconds: Int, to output: inout ByteBuffer) {
        let seconds = min(max(epochSeconds, 0), 253_402_300_799)
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        // The epoch began on a Thursday.
        appendName(dayNames, (days + 4) % 7, to: &output)
        output.append(", ")
        appendDigits(date.day, 2, to: &output)
        output.append(" ")
        appendName(monthNames, date.month - 1, to: &output)
        output.append(" ")
        appendDigits(date.year, 4, to: &output)
        output.append(" ")
        appendDigits(rest / 3600, 2, to: &output)
        output.append(":")
        appendDigits(rest / 60 % 60, 2, to: &output)
        output.append(":")
        appendDigits(rest % 60, 2, to: &output)
        output.append(" GMT")
    }

    /// The epoch seconds that `text` names in any of the three forms, or nil.
    ///
    /// A two-digit year is taken as the one that is at most 50 years after `now` (RFC 9110 §5.6.7).
    /// The name of the day must be one, but is not compared with the date.
    package static func parse(_ text: UnsafeRawBufferPointer, now: Int) -> Int? {
        var reader = DateReader(text)
        guard let dayLength = reader.dayName(), let first = reader.byte() else { return nil }
        if first == UInt8(ascii: ",") {
            return dayLength == 3 ? reader.fixdate() : reader.rfc850(now: now)
        }
        return first == UInt8(ascii: " ") && dayLength == 3 ? reader.asctime() : nil
    }

    static var dayNames: StaticString { "SunMonTueWedThuFriSat" }
    static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }

    private static func appendName(
        _ names: StaticString, _ index: Int, to output: inout ByteBuffer
    ) {
        output.append(UnsafeRawBufferPointer(start: names.utf8Start + 3 * index, count: 3))
    }

    private static func appendDigits(_ value: Int, _ count: Int, to output: inout ByteBuffer) {
        var divisor = count == 4 ? 1000 : 10
        while divisor > 0 {
            output.append(UInt8(truncatingIfNeeded: value / divisor % 10) &+ 48)
            divisor /= 10
        }
    }
}

/// Reads the parts of a date from left to right.
private struct DateReader {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
    }

    mutating func byte() -> UInt8? {
        guard position < text.count else { return nil }
        position += 1
        return text[position - 1]
    }

    private mutating func literal(_ literal: StaticString) -> Bool {
        for index in 0..<literal.utf8CodeUnitCount where byte() != literal.utf8Start[index] {
            return false
        }
        return true
    }

    private mutating func digits(_ count: Int) -> Int? {
        var value = 0
        for _ in 0..<count {
            guard let digit = byte(), ASCII.isDigit(digit) else { return nil }
            value = value * 10 + Int(digit &- 48)
        }
        return value
    }

    /// The number of the next three bytes in `names`, counted from 0.
    private mutating func name(_ names: StaticString) -> Int? {
        guard text.count - position >= 3 else { return nil }
        defer { position += 3 }
        for index in 0..<(names.utf8CodeUnitCount / 3) {
            let name = names.utf8Start + 3 * index
            if text[position] == name[0], text[position + 1] == name[1],
                text[position + 2] == name[2]
            {
                return index
            }
        }
        return nil
    }

    /// Reads a day's name, short or long, and returns its length.
    mutating func dayName() -> Int? {
        guard let day = name(HTTPDate.dayNames) else { return nil }
        guard position < text.count, ASCII.isLetter(text[position]) else { return 3 }
        let rest: StaticString =
            switch day {
            case 1, 5, 0: "day"
            case 2: "sday"
            case 3: "nesday"
            case 4: "rsday"
            default: "urday"
            }
        return literal(rest) ? 3 + rest.utf8CodeUnitCount : nil
    }

    /// The rest of `Sun, 06 Nov 1994 08:49:37 GMT` behind the comma.
    mutating func fixdate() -> Int? {
        guard literal(" "), let day = digits(2), literal(" "),
            let month = name(HTTPDate.monthNames), literal(" "), let year = digits(4),
            literal(" "), let time = time(), literal(" GMT")
        else { return nil }
        return seconds(year: year, month: month, day: day, time: time)
    }

    /// The rest of `Sunday, 06-Nov-94 08:49:37 GMT` behind the comma.
    mutating func rfc850(now: Int) -> Int? {
        guard literal(" "), let day = digits(2), literal("-"),
            let month = name(HTTPDate.monthNames), literal("-"), let short = digits(2),
            literal(" "), let time = time(), literal(" GMT")
        else { return nil }
        let thisYear = CivilDate(daysSinceEpoch: min(max(now, 0), 253_402_300_799) / 86_400).year
        var year = thisYear - thisYear % 100 + short
        if year > thisYear + 50 { year -= 100 }
        if year <= thisYear - 50 { year += 100 }
        return seconds(year: year, month: month, day: day, time: time)
    }

    /// The rest of `Sun Nov  6 08:49:37 1994` behind the first space.
    mutating func asctime() -> Int? {
        guard let month = name(HTTPDate.monthNames), literal(" ") else { return nil }
        let isPadded = position < text.count && text[position] == UInt8(ascii: " ")
        if isPadded { position += 1 }
        guard let day = digits(isPadded ? 1 : 2), literal(" "), let time = time(), literal(" "),
            let year = digits(4)
        else { return nil }
        return seconds(year: year, month: month, day: day, time: time)
    }

    /// `08:49:37` as seconds of the day; 60 is a leap second.
    private mutating func time() -> Int? {
        guard let hour = digits(2), literal(":"), let minute = digits(2), literal(":"),
            let second = digits(2), hour < 24, minute < 60, second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private func seconds(year: Int, month: Int, day: Int, time: Int) -> Int? {
        guard position == text.count,
            let date = CivilDate(year: year, month: month + 1, day: day)
        else { return nil }
        return date.daysSinceEpoch * 86_400 + time
    }
}
