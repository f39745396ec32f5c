// JSONTreeWriter: a JSONValue as text, with the open containers in an array instead of on the call
// stack, since a tree made by a program may be of any depth.

/// Writes trees.
enum JSONTreeWriter {
    /// A container of which some values are written.
    private struct Open {
        let isObject: Bool
        var elements: ArraySlice<JSONValue> = []
        var members: ArraySlice<JSONObject.Member> = []
    }

    /// Writes `root` to `writer`.
    static func write(_ root: JSONValue, to writer: inout JSONWriter) {
        var open: [Open] = []
        var next: JSONValue? = root
        while true {
            if let value = next {
                if let container = writeOrOpen(value, to: &writer) { open.append(container) }
            }
            guard let last = open.indices.last else { return }
            if let member = open[last].members.popFirst() {
                writer.key(member.key)
                next = member.value
            } else if let element = open[last].elements.popFirst() {
                next = element
            } else {
                if open[last].isObject { writer.endObject() } else { writer.endArray() }
                open.removeLast()
                next = nil
            }
        }
    }

    private static func writeOrOpen(_ value: JSONValue, to writer: inout JSONWriter) -> Open? {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let value): writer.number(value)
        case .string(let value): writer.string(value)
        case .array(let elements):
            writer.beginArray()
            return Open(isObject: false, elements: elements[...])
        case .object(let object):
            writer.beginObject()
            return Open(isObject: true, members: object.members[...])
        }
        return nil
    }
}
