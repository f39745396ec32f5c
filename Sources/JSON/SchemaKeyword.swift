// Keyword: the value of one schema keyword, with the checks that each kind of keyword needs.

import Bytes

extension SchemaReader {
    /// The value of one keyword and its place in the schema document.
    struct Keyword {
        let value: JSONValue
        let place: JSONPointer

        init(_ value: JSONValue, _ place: JSONPointer) {
            self.value = value
            self.place = place
        }

        func bool() throws(SchemaFault) -> Bool {
            try present(value.bool, "must be true or false")
        }

        func string() throws(SchemaFault) -> String {
            try present(value.string, "must be a string")
        }

        func array() throws(SchemaFault) -> [JSONValue] {
            try present(value.array, "must be an array")
        }

        func object() throws(SchemaFault) -> JSONObject {
            try present(value.object, "must be an object")
        }

        func count() throws(SchemaFault) -> Int {
            let count = value.int ?? -1
            return try present(count >= 0 ? count : nil, "must be an integer, 0 or more")
        }

        func bound() throws(SchemaFault) -> SchemaRule.Bound {
            SchemaRule.Bound(try present(value.number, "must be a number"))
        }

        func strings() throws(SchemaFault) -> [String] {
            var strings: [String] = []
            for element in try array() {
                strings.append(try present(element.string, "must be an array of strings"))
            }
            return strings
        }

        func types() throws(SchemaFault) -> SchemaTypes {
            let names = value.kind == .string ? [try string()] : try strings()
            var types: SchemaTypes = []
            for name in names {
                let type = SchemaTypes(named: name)
                types.insert(try present(type, "names no type of JSON Schema: \(name)"))
            }
            return types
        }

        /// The place that a `$ref` of this document names: `#`, or `#` and a JSON pointer in which
        /// bytes may be percent-encoded (RFC 6901 §6).
        func target() throws(SchemaFault) -> JSONPointer {
            let bytes = Array(try string().utf8)
            let isLocal = bytes.first == UInt8(ascii: "#")
            var decoded: [UInt8] = []
            var at = 1
            while at < bytes.count {
                if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count,
                    let high = ASCII.hexValue(bytes[at + 1]),
                    let low = ASCII.hexValue(bytes[at + 2])
                {
                    decoded.append(high << 4 | low)
                    at += 3
                } else {
                    decoded.append(bytes[at])
                    at += 1
                }
            }
            let pointer = isLocal ? try? JSONPointer(String(decoding: decoded, as: UTF8.self)) : nil
            return try present(
                pointer, "must refer to a place in the same document: # and a JSON pointer")
        }

        /// `found`, or the fault `message` if it is nil.
        private func present<Found>(
            _ found: Found?, _ message: @autoclosure () -> String
        ) throws(SchemaFault) -> Found {
            guard let found else { throw SchemaFault(place, message()) }
            return found
        }
    }
}
