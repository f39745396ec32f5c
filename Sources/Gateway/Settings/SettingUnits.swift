// SettingUnits: durations and sizes as people write them, e.g. "1.5s" and "16KiB", and back.

import Bytes

/// Durations and sizes with units.
enum SettingUnits {
    /// Seconds per unit of a duration, as nanoseconds.
    private static let durations: [(unit: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    /// Bytes per unit of a size: IEC units are powers of 1024, SI units of 1000.
    private static let sizes: [(unit: String, bytes: Int64)] = [
        ("", 1), ("b", 1), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30),
        ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000),
    ]

    /// Reads a duration such as `10s`, `1.5s`, `250ms`, `5m`, `1h` or `2d`.
    ///
    /// - Returns: nil for anything else, and for durations beyond 292 years.
    static func duration(_ text: String) -> Duration? {
        guard let (amount, unit) = split(text),
            let scale = durations.first(where: { $0.unit == unit })?.nanoseconds,
            let nanoseconds = amount.times(scale)
        else { return nil }
        return .nanoseconds(nanoseconds)
    }

    /// Reads a size in bytes such as `16KiB`, `1MB` or `512`; the case of the unit is free.
    ///
    /// - Returns: nil for anything else, and for fractions of a byte.
    static func size(_ text: String) -> Int? {
        guard let (amount, unit) = split(text),
            let scale = sizes.first(where: { $0.unit == unit.lowercased() })?.bytes,
            let bytes = amount.times(scale)
        else { return nil }
        return Int(bytes)
    }

    /// `duration` in its largest whole unit, such as `90s`.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return "\(seconds)s" }
        let nanoseconds = product &+ attoseconds / 1_000_000_000
        for (unit, scale) in durations.reversed() where nanoseconds.isMultiple(of: scale) {
            if nanoseconds == 0 { return "0s" }
            return "\(nanoseconds / scale)\(unit)"
        }
        return "\(nanoseconds)ns"
    }

    /// `size` in bytes in its largest whole IEC unit, such as `16KiB`.
    static func text(size: Int) -> String {
        Quantity.units(of: size).map { "\($0.count)\($0.unit)" } ?? "\(size)"
    }

    /// A decimal amount without rounding: `digits` divided by ten to the power of `decimals`.
    private struct Amount {
        var digits: Int64
        var decimals: Int

        /// The amount times `scale`; nil if that is too large, or a fraction.
        func times(_ scale: Int64) -> Int64? {
            let (product, overflow) = digits.multipliedReportingOverflow(by: scale)
            guard !overflow else { return nil }
            var divisor: Int64 = 1
            for _ in 0..<decimals { divisor *= 10 }
            return product.isMultiple(of: divisor) ? product / divisor : nil
        }
    }

    private static func split(_ text: String) -> (Amount, unit: String)? {
        var amount = Amount(digits: 0, decimals: 0)
        var digitCount = 0
        var hasPoint = false
        var rest = Substring(text)
        while let character = rest.utf8.first {
            if ASCII.isDigit(character) {
                // Twelve digits suffice for a year in milliseconds and cannot overflow.
                guard digitCount < 12 else { return nil }
                amount.digits = amount.digits * 10 + Int64(character &- 48)
                digitCount += 1
                if hasPoint { amount.decimals += 1 }
            } else if character == UInt8(ascii: "."), !hasPoint, digitCount > 0 {
                hasPoint = true
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        guard digitCount > 0, !hasPoint || amount.decimals > 0 else { return nil }
        if rest.utf8.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
        return (amount, String(rest))
    }
}
