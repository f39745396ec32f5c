// SettingValue: the configuration as a plain tree, before anyone asks for types. JSONDecoder reads
// the JSON5; this type keeps what it found, with whole numbers exact. Positions in the text are not
// here (SettingsLocator), nor are rules (SettingsObject and the decoders).

import Bytes
import FoundationEssentials

/// One value of the configuration file.
enum SettingValue: Equatable {
    case null
    case flag(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case list([SettingValue])
    case object([String: SettingValue])

    /// What the value is, with its article, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .flag: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .text: "a string"
        case .list: "a list"
        case .object: "an object"
        }
    }

    /// Reads JSON5 text.
    ///
    /// - Throws: what JSONDecoder throws; its coding path leads to the value it could not read.
    static func read(_ text: [UInt8]) throws -> SettingValue {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        return try decoder.decode(SettingValue.self, from: Data(text))
    }

    /// Puts `value` at `keys`, making objects on the way.
    ///
    /// - Returns: whether that was possible: false if a value that is no object is in the way.
    mutating func set(_ value: SettingValue, at keys: ArraySlice<String>) -> Bool {
        guard let key = keys.first else {
            self = value
            return true
        }
        var members: [String: SettingValue]
        switch self {
        case .object(let present): members = present
        case .null: members = [:]
        case .flag, .integer, .number, .text, .list: return false
        }
        var member = members[key] ?? .null
        guard member.set(value, at: keys.dropFirst()) else { return false }
        members[key] = member
        self = .object(members)
        return true
    }
}

extension SettingValue: Decodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads whatever the decoder has at this place.
    init(from decoder: any Decoder) throws {
        // Containers first and without `try?` around their contents: an error deep inside must keep
        // its own coding path, for that is where the line number comes from.
        if let container = try? decoder.container(keyedBy: Key.self) {
            var members: [String: SettingValue] = [:]
            for key in container.allKeys {
                members[key.stringValue] = try container.decode(SettingValue.self, forKey: key)
            }
            self = .object(members)
            return
        }
        if var container = try? decoder.unkeyedContainer() {
            var elements: [SettingValue] = []
            while !container.isAtEnd {
                elements.append(try container.decode(SettingValue.self))
            }
            self = .list(elements)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let integer = try? container.decode(Int64.self) {
            self = .integer(integer)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "neither a number in range nor a sound string")
        }
    }
}

// MARK: - Embedded JSON

extension SettingValue {
    /// Appends the value as compact JSON (RFC 8259).
    ///
    /// Members stand in the order that `precedes` gives for two keys of the object at a path.
    ///
    /// - Returns: the path of the first number that JSON has no notation for, or nil.
    func append(
        to buffer: inout ByteBuffer, at path: SettingPath,
        precedes: (SettingPath, SettingPath) -> Bool
    ) -> SettingPath? {
        switch self {
        case .null: buffer.append("null")
        case .flag(let flag): buffer.append(flag ? "true" : "false")
        case .integer(let integer): buffer.append(decimal: Int(integer))
        case .number(let number):
            guard number.isFinite else { return path }
            buffer.append(text: number.description)
        case .text(let text): buffer.append(jsonString: text)
        case .list(let elements):
            var fault: SettingPath?
            buffer.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                let bad = element.append(to: &buffer, at: path.element(index), precedes: precedes)
                fault = fault ?? bad
            }
            buffer.append(UInt8(ascii: "]"))
            return fault
        case .object(let members):
            return Self.append(members, to: &buffer, at: path, precedes: precedes)
        }
        return nil
    }

    private static func append(
        _ members: [String: SettingValue], to buffer: inout ByteBuffer, at path: SettingPath,
        precedes: (SettingPath, SettingPath) -> Bool
    ) -> SettingPath? {
        var fault: SettingPath?
        buffer.append(UInt8(ascii: "{"))
        let ordered = members.map { (path.member($0.key), $0.key, $0.value) }
            .sorted { precedes($0.0, $1.0) }
        for (index, (place, key, value)) in ordered.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            buffer.append(jsonString: key)
            buffer.append(UInt8(ascii: ":"))
            let bad = value.append(to: &buffer, at: place, precedes: precedes)
            fault = fault ?? bad
        }
        buffer.append(UInt8(ascii: "}"))
        return fault
    }
}
