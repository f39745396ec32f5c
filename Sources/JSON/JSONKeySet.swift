// JSONKeySet: the keys one object has shown so far, to find the one that comes twice. Few plain
// keys are compared where they lie; many go into a hash table whose seed no peer can guess.

import Bytes

/// The keys of one object, compared as decoded text (RFC 7493 §2.3).
struct JSONKeySet {
    // INVARIANT: while `many` is empty, `few[0..<count]` are all keys, none of them with an escape.
    private var few = InlineArray<8, JSONSpan>(repeating: JSONSpan(start: 0, end: 0))
    private var count = 0
    private var many: Set<[UInt8]> = []

    /// Adds the key that lies within `key` in the text; false if it is there already.
    mutating func insert(_ key: JSONSpan, in bytes: JSONBytes) -> Bool {
        let raw = bytes.raw(key)
        let isEscaped = raw.contains(UInt8(ascii: "\\"))
        if many.isEmpty {
            if !isEscaped, count < 8 {
                for index in 0..<count where bytes.raw(few[index]).elementsEqual(raw) {
                    return false
                }
                few[count] = key
                count &+= 1
                return true
            }
            for index in 0..<count {
                many.insert([UInt8](bytes.raw(few[index])))
            }
        }
        guard isEscaped else { return many.insert([UInt8](raw)).inserted }
        var decoded = ByteBuffer(capacity: raw.count)
        JSONText.decode(raw, .keep, into: &decoded)
        return many.insert(decoded.array()).inserted
    }
}
