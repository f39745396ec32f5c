// LogMoment: the time of a log line, in UTC with milliseconds (RFC 3339).

import Bytes
import Glibc

/// A moment of the wall clock.
package struct LogMoment: Sendable, Equatable {
    /// Whole seconds since 1970, UTC.
    package var seconds: Int
    /// Nanoseconds within the second.
    package var nanoseconds: Int

    /// Makes a moment.
    package init(seconds: Int, nanoseconds: Int) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The present moment.
    package static func now() -> LogMoment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogMoment(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    /// Appends the moment as `2026-11-22T15:20:58.123Z`.
    func append(to buffer: inout ByteBuffer) {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        Self.append(Int(parts.tm_year) + 1_900, digits: 4, to: &buffer)
        buffer.append(UInt8(ascii: "-"))
        Self.append(Int(parts.tm_mon) + 1, digits: 2, to: &buffer)
        buffer.append(UInt8(ascii: "-"))
        Self.append(Int(parts.tm_mday), digits: 2, to: &buffer)
        buffer.append(UInt8(ascii: "T"))
        Self.append(Int(parts.tm_hour), digits: 2, to: &buffer)
        buffer.append(UInt8(ascii: ":"))
        Self.append(Int(parts.tm_min), digits: 2, to: &buffer)
        buffer.append(UInt8(ascii: ":"))
        Self.append(Int(parts.tm_sec), digits: 2, to: &buffer)
        buffer.append(UInt8(ascii: "."))
        Self.append(nanoseconds / 1_000_000, digits: 3, to: &buffer)
        buffer.append(UInt8(ascii: "Z"))
    }

    /// Appends the last `digits` decimal digits of `value`, with leading zeros.
    static func append(_ value: Int, digits: Int, to buffer: inout ByteBuffer) {
        var scale = 1
        for _ in 1..<digits { scale *= 10 }
        while scale > 0 {
            buffer.append(UInt8(truncatingIfNeeded: value / scale % 10) &+ 48)
            scale /= 10
        }
    }
}
