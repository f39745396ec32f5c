// EntityTag: whether a condition names the tag of what would be sent (RFC 9110 §8.8.3, §13.1).
//
// FieldList does not serve here: within the quotes of an entity tag a backslash escapes nothing.

import Bytes

/// The comparison of entity tags.
package enum EntityTag {
    /// Whether `field`, a value of If-Match or If-None-Match, is `*`, which any representation fits.
    ///
    /// For what has a weak tag that is all there is to If-Match: its comparison is the strong one, and
    /// that no weak tag fits (RFC 9110 §8.8.3.2).
    package static func isAny(_ field: UnsafeRawBufferPointer) -> Bool {
        let field = FieldList.trimmed(field)
        return field.count == 1 && field[0] == UInt8(ascii: "*")
    }

    /// Whether `field`, a value of If-None-Match, is `*` or lists `tag`.
    ///
    /// The comparison is the weak one, as that field asks for. What follows a broken element is not
    /// looked at: to send the whole is never wrong.
    ///
    /// - Parameter tag: the opaque part in its quotes, without `W/`.
    package static func isListed(
        _ field: UnsafeRawBufferPointer, _ tag: UnsafeRawBufferPointer
    ) -> Bool {
        if isAny(field) { return true }
        let field = FieldList.trimmed(field)
        var position = 0
        while let element = next(in: field, from: &position) {
            if element.elementsEqual(tag) { return true }
        }
        return false
    }

    /// The opaque part of the next tag from `position` on, which moves behind it.
    private static func next(
        in field: UnsafeRawBufferPointer, from position: inout Int
    ) -> UnsafeRawBufferPointer? {
        let comma = UInt8(ascii: ",")
        while position < field.count, field[position] == comma || ASCII.isBlank(field[position]) {
            position &+= 1
        }
        if field.count &- position >= 2, field[position] == UInt8(ascii: "W"),
            field[position &+ 1] == UInt8(ascii: "/")
        {
            position &+= 2
        }
        guard position < field.count, field[position] == UInt8(ascii: "\"") else { return nil }
        let start = position
        repeat {
            position &+= 1
            guard position < field.count else { return nil }
        } while field[position] != UInt8(ascii: "\"")
        position &+= 1
        return UnsafeRawBufferPointer(rebasing: field[start..<position])
    }
}
