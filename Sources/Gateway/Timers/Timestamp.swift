// Timestamp: moments as people and programs write them: RFC 3339, in UTC.

internal import Bytes
internal import HTTPWire

/// Conversions between RFC 3339 text and nanoseconds since 1970.
enum Timestamp {
    /// The moment as `2026-12-01T08:00:00.250Z`; one before 1970 counts as 1970.
    static func text(_ nanos: Int64) -> String {
        let (seconds, rest) = max(nanos, 0).quotientAndRemainder(dividingBy: 1_000_000_000)
        var text = ByteBuffer()
        LogMoment(seconds: Int(seconds), nanoseconds: Int(rest)).append(to: &text)
        return text.text()
    }

    /// Reads a moment with `Z` or an offset; nil if it is none, or lies outside 1970 to 2200.
    static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 35, bytes[4] == 45, bytes[7] == 45,
            bytes[10] | 0x20 == 116 || bytes[10] == 32, bytes[13] == 58, bytes[16] == 58,
            let year = number(bytes, 0, 4), let month = number(bytes, 5, 2),
            let date = number(bytes, 8, 2), let hour = number(bytes, 11, 2),
            let minute = number(bytes, 14, 2), let second = number(bytes, 17, 2),
            (1970...2200).contains(year),
            let day = CivilDate(year: year, month: month, day: date)?.daysSinceEpoch, hour < 24,
            minute < 60, second < 61
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
        let seconds = day * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Int64(seconds) * 1_000_000_000 + nanos
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
}
