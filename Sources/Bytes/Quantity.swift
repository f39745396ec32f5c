// Quantity: counts and sizes in texts for people, the same everywhere: `1 event`, `2 events`,
// `16 KiB`. Sizes and durations as settings have them are Gateway's SettingUnits.

/// Counts and sizes as people read them.
package enum Quantity {
    /// `count` of what `noun` means, such as `1 event` or `2 events`; the plural is made with an s.
    package static func text(_ count: Int, _ noun: String) -> String {
        count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
    }

    /// `count` bytes in the largest unit that fits without a rest: `16 KiB`, `1000 bytes`.
    package static func bytes(_ count: Int) -> String {
        units(of: count).map { "\($0.count) \($0.unit)" } ?? text(count, "byte")
    }

    /// `count` bytes in the largest IEC unit that fits without a rest; nil if that is a byte.
    package static func units(of count: Int) -> (count: Int, unit: String)? {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where count > 0 && count.isMultiple(of: 1 << shift) {
            return (count >> shift, unit)
        }
        return nil
    }
}
