// JSONDecimal: the exact value of a JSON number, for comparing and dividing without rounding.
// Numbers come from outside, so no operation costs more than the length of their text: an exponent
// is only ever added to, never multiplied out.

/// A number as sign, decimal digits and the place of the first digit: ± 0.d₁d₂d₃… × 10^scale.
struct JSONDecimal: Hashable {
    // INVARIANT: the digits (values 0 to 9) neither start nor end with 0; zero has none of them,
    // scale 0 and no sign. So equal numbers have equal fields.
    private(set) var isNegative = false
    private(set) var digits: [UInt8] = []
    private(set) var scale = 0

    /// Exponents beyond this are cut to it; they differ from zero and infinity in name only.
    private static let greatestExponent = 1 << 60

    /// Reads a number in JSON syntax.
    init(_ text: String) {
        var sawPoint = false
        var exponent = 0
        var pointFromEnd = 0
        var bytes = text.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): sawPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                exponent = Self.exponent(&bytes)
            default:
                if sawPoint { pointFromEnd += 1 }
                if byte != UInt8(ascii: "0") || !digits.isEmpty { digits.append(byte &- 48) }
            }
        }
        scale = digits.count - pointFromEnd + exponent
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty {
            scale = 0
            isNegative = false
        }
    }

    /// The signed decimal integer that the rest of `bytes` spells.
    private static func exponent(_ bytes: inout String.UTF8View.Iterator) -> Int {
        var value = 0
        var isNegative = false
        while let byte = bytes.next() {
            if byte == UInt8(ascii: "-") {
                isNegative = true
            } else if byte != UInt8(ascii: "+"), value < greatestExponent / 10 {
                value = value * 10 + Int(byte &- 48)
            } else if byte != UInt8(ascii: "+") {
                value = greatestExponent
            }
        }
        return isNegative ? -value : value
    }

    /// Whether the value has no fractional part.
    var isInteger: Bool { digits.count <= max(scale, 0) }

    /// The value as an integer, or nil if it has a fraction or does not fit.
    var int: Int? {
        guard isInteger, scale <= 19 else { return nil }
        var value = 0
        for place in 0..<max(scale, 0) {
            let digit = place < digits.count ? Int(digits[place]) : 0
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) =
                isNegative
                ? scaled.subtractingReportingOverflow(digit)
                : scaled.addingReportingOverflow(digit)
            if overflow || carry { return nil }
            value = next
        }
        return value
    }

    /// Whether the value is a whole multiple of `divisor`; nil if the divisor is 0 or has more
    /// significant digits than can be divided exactly (19).
    func isMultiple(of divisor: JSONDecimal) -> Bool? {
        guard !divisor.digits.isEmpty, divisor.digits.count <= 19 else { return nil }
        if digits.isEmpty { return true }
        // Both as integers times a power of ten. Without trailing zeros, neither digit string is a
        // multiple of ten, so a divisor with the larger power cannot go into the value.
        let power = (scale - digits.count) - (divisor.scale - divisor.digits.count)
        guard power >= 0 else { return false }
        let modulus = divisor.digits.reduce(UInt64(0)) { $0 &* 10 &+ UInt64($1) }
        var rest = digits.reduce(UInt64(0)) {
            Self.add(Self.multiply($0, 10, modulus), UInt64($1) % modulus, modulus)
        }
        // 10^power by squaring, so that the exponent of the text costs its length at most.
        var factor = 10 % modulus
        var remaining = power
        while remaining > 0 {
            if remaining & 1 == 1 { rest = Self.multiply(rest, factor, modulus) }
            factor = Self.multiply(factor, factor, modulus)
            remaining >>= 1
        }
        return rest == 0
    }

    private static func add(_ a: UInt64, _ b: UInt64, _ modulus: UInt64) -> UInt64 {
        // Both are below the modulus, so a - (modulus - b) wraps exactly when a + b < modulus.
        let (difference, isBelow) = a.subtractingReportingOverflow(modulus &- b)
        return isBelow ? a &+ b : difference
    }

    private static func multiply(_ a: UInt64, _ b: UInt64, _ modulus: UInt64) -> UInt64 {
        // SAFETY: both factors are below the modulus, so the high half is as well, which is what
        // dividing a full-width value requires. 10 is brought below it first.
        let product = (a % modulus).multipliedFullWidth(by: b % modulus)
        return modulus.dividingFullWidth(product).remainder
    }
}

extension JSONDecimal: Comparable {
    /// Whether `left` is the smaller number.
    static func < (left: JSONDecimal, right: JSONDecimal) -> Bool {
        if left.isNegative != right.isNegative { return left.isNegative }
        return left.isNegative
            ? right.isCloserToZero(than: left) : left.isCloserToZero(than: right)
    }

    private func isCloserToZero(than other: JSONDecimal) -> Bool {
        if digits.isEmpty || other.digits.isEmpty { return !other.digits.isEmpty }
        if scale != other.scale { return scale < other.scale }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
