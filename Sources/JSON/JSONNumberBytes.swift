// JSONNumberBytes: numbers compared where they lie in a text, by exact value and without memory of
// their own. Numbers that are calculated with are JSONDecimal's.

/// Comparing numbers in JSON syntax by value.
package enum JSONNumberBytes {
    /// Whether the numbers `left` and `right` have the same exact value: `1`, `1.0` and `10e-1` do.
    ///
    /// Exponents of more than 18 digits are the same only if they are written the same.
    package static func equal(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) -> Bool {
        let left = JSONNumberSpan(left)
        let right = JSONNumberSpan(right)
        if left.digitCount == 0 || right.digitCount == 0 {
            return left.digitCount == right.digitCount
        }
        return left.isNegative == right.isNegative && left.digitCount == right.digitCount
            && left.scale == right.scale && left.farExponentEquals(right)
            && left.digitsEqual(right)
    }
}

/// A number taken apart in place: ± 0.d₁d₂d₃… × 10^scale, where neither d₁ nor the last digit is 0.
private struct JSONNumberSpan {
    /// Digits of an exponent that `scale` can take in.
    private static let exponentDigits = 18

    /// Number of significant digits; zero has none.
    private(set) var digitCount = 0
    private(set) var isNegative = false
    private(set) var scale = 0

    private let text: UnsafeRawBufferPointer
    private var first = 0
    /// The digits of the exponent, if they are too many for `scale`.
    private var farExponent: Range<Int> = 0..<0
    private var isFarNegative = false

    init(_ text: UnsafeRawBufferPointer) {
        self.text = text
        var point: Int?
        var last = 0
        var at = 0
        while at < text.count {
            let byte = text[at]
            if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") { break }
            if byte == UInt8(ascii: "-") {
                isNegative = true
            } else if byte == UInt8(ascii: ".") {
                point = at
            } else if byte != UInt8(ascii: "0") {
                if digitCount == 0 { first = at }
                last = at
                digitCount = 1
            }
            at += 1
        }
        guard digitCount > 0 else { return }
        let units = point ?? at
        digitCount = last - first + (first < units && units < last ? 0 : 1)
        scale = first < units ? units - first : units + 1 - first
        takeExponent(from: at + 1)
    }

    private mutating func takeExponent(from start: Int) {
        var at = start
        var isBelow = false
        while at < text.count, text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+") {
            isBelow = text[at] == UInt8(ascii: "-")
            at += 1
        }
        while at < text.count, text[at] == UInt8(ascii: "0") { at += 1 }
        guard at < text.count else { return }
        guard text.count - at <= Self.exponentDigits else {
            farExponent = at..<text.count
            isFarNegative = isBelow
            return
        }
        var value = 0
        for byte in text[at...] { value = value &* 10 &+ Int(byte &- UInt8(ascii: "0")) }
        scale &+= isBelow ? 0 &- value : value
    }

    func farExponentEquals(_ other: Self) -> Bool {
        isFarNegative == other.isFarNegative
            && text[farExponent].elementsEqual(other.text[other.farExponent])
    }

    /// Whether both have the same digits; both have as many.
    func digitsEqual(_ other: Self) -> Bool {
        var mine = first
        var theirs = other.first
        for _ in 0..<digitCount {
            if text[mine] == UInt8(ascii: ".") { mine += 1 }
            if other.text[theirs] == UInt8(ascii: ".") { theirs += 1 }
            // Only what is no number would end before its digits do.
            guard mine < text.count, theirs < other.text.count,
                text[mine] == other.text[theirs]
            else { return false }
            mine += 1
            theirs += 1
        }
        return true
    }
}
