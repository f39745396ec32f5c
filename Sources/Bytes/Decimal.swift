// Decimal: numbers as decimal digits, written straight into memory.

/// Decimal digits.
public enum Decimal {
    /// Writes `value` without leading zeros from `start` on, where there is room for 20 bytes.
    ///
    /// - Returns: the place behind the last digit.
    @inlinable
    public static func write(
        _ value: UInt, to start: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        var count = 1
        var probe = value
        while probe >= 10 {
            probe /= 10
            count &+= 1
        }
        var rest = value
        var index = count
        repeat {
            let quotient = rest / 10
            let digit = UInt8(truncatingIfNeeded: rest &- quotient &* 10) &+ 48
            index &-= 1
            start.storeBytes(of: digit, toByteOffset: index, as: UInt8.self)
            rest = quotient
        } while rest > 0
        return start + count
    }
}
