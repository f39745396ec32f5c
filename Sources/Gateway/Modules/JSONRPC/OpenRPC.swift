// OpenRPC: from the document that a child gives for `rpc.discover` to its commands.

internal import Bytes
internal import JSON

/// Reads OpenRPC documents (spec.open-rpc.org), as far as commands need it.
enum OpenRPC {
    /// Commands taken from one document at most.
    static let commandLimit = 1_000

    /// The methods of the document; none if it is no OpenRPC document.
    ///
    /// A method with `x-safe: true` may be called by GET. Parameters described one by one become
    /// one schema of an object with those members.
    static func commands(in document: UnsafeRawBufferPointer) -> [CommandFacts] {
        guard let value = try? JSONValue.parse(document), case .object(let root) = value,
            case .array(let methods)? = root["methods"]
        else { return [] }
        return methods.prefix(commandLimit).compactMap(command)
    }

    private static func command(_ value: JSONValue) -> CommandFacts? {
        guard case .object(let method) = value, case .string(let name)? = method["name"],
            CommandName.isValid(name)
        else { return nil }
        var facts = CommandFacts(name: name, isSafe: false)
        if case .string(let text)? = method["description"] ?? method["summary"] {
            facts.description = text
        }
        if case .bool(let isSafe)? = method["x-safe"] { facts.isSafe = isSafe }
        if case .array(let params)? = method["params"], let schema = schema(of: params) {
            var bytes = ByteBuffer()
            schema.write(into: &bytes)
            facts.params = bytes.array()
            facts.schema = try? JSONSchema(from: schema)
        }
        return facts
    }

    private static func schema(of params: [JSONValue]) -> JSONValue? {
        var properties = JSONObject()
        var required: [JSONValue] = []
        for param in params {
            guard case .object(let object) = param, case .string(let name)? = object["name"] else {
                return nil
            }
            properties[name] = object["schema"] ?? .bool(true)
            if case .bool(true)? = object["required"] { required.append(.string(name)) }
        }
        var schema = JSONObject()
        schema["type"] = .string("object")
        schema["properties"] = .object(properties)
        if !required.isEmpty { schema["required"] = .array(required) }
        return .object(schema)
    }
}

/// The grammar of command names.
enum CommandName {
    /// Longest name in bytes.
    static let byteLimit = 128

    /// Whether `name` is one that the protocol itself uses: only the gateway says those to a child.
    static func isReserved(_ name: UnsafeRawBufferPointer) -> Bool {
        name.starts(with: "rpc.".utf8) || name.first == UInt8(ascii: "$")
    }

    /// Whether `name` may stand in a URL segment and in a JSON string as it is.
    static func isValid(_ name: String) -> Bool {
        var copy = name
        return copy.withUTF8 { isValid(UnsafeRawBufferPointer($0)) }
    }

    /// Whether `name` may stand in a URL segment and in a JSON string as it is.
    static func isValid(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count > 0, name.count <= byteLimit else { return false }
        return name.allSatisfy {
            SignalName.isNameByte($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "$")
        }
    }
}
