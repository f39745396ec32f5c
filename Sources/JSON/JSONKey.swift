// JSONKey: text compared the way JSON compares it. Unlike String, JSON knows no canonical
// equivalence: "é" in one scalar and in two are two keys and two values.

/// A key that equals another only if both have the same bytes in UTF-8.
struct JSONKey: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: JSONKey, right: JSONKey) -> Bool {
        // Most keys differ in length or by String's own, faster, but more generous comparison.
        left.text.utf8.count == right.text.utf8.count && left.text == right.text
            && left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var copy = text
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
