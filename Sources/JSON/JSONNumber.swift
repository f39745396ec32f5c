// JSONNumber: a number kept as it was written, so that one with 40 digits passes through unharmed
// (RFC 8259 §6 sets no range). It is turned into Int or Double when somebody asks.

/// A JSON number in its original notation.
///
/// Equality, order and hash go by exact value: `1`, `1.0` and `10e-1` are equal.
package struct JSONNumber: Sendable {
    /// The number as written, in JSON syntax.
    package let text: String

    /// Takes over `text`, which the scanner has found to be a number.
    init(scanned text: String) {
        self.text = text
    }

    /// Makes the number `value`.
    package init(_ value: Int) {
        text = String(value)
    }

    /// Makes the number `value`, or nil for infinities and NaN, which JSON cannot write.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = value.description
    }

    /// Reads `text`, or is nil if it is not exactly one number in JSON syntax.
    package init?(_ text: String) {
        var copy = text
        let isNumber = copy.withUTF8 { bytes in
            let shape = try? JSONScanner.validate(UnsafeRawBufferPointer(bytes))
            return shape?.kind == .number && shape?.hasWhitespace == false
        }
        guard isNumber else { return nil }
        self.text = copy
    }

    /// The value as an integer, or nil if it has a fraction or does not fit.
    ///
    /// `1e2` is 100.
    package var int: Int? { Int(text) ?? decimal.int }

    /// The nearest double, or nil if the number is beyond the greatest one.
    package var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The exact value.
    var decimal: JSONDecimal { JSONDecimal(text) }
}

extension JSONNumber: Hashable, Comparable {
    /// Whether both have the same exact value.
    package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        left.text == right.text || left.decimal == right.decimal
    }

    /// Whether `left` has the smaller exact value.
    package static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        left.decimal < right.decimal
    }

    /// Feeds the exact value to `hasher`.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(decimal)
    }
}
