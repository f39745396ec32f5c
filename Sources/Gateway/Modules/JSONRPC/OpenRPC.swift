// OpenRPC: from the document that a child gives for `rpc.discover` to its commands.

internal import Bytes
internal import JSON

/// Reads OpenRPC documents (spec.open-rpc.org), as far as commands need it.
enum OpenRPC {
    /// Commands taken from one document at most.
    static let commandLimit = 1_000

    /// Faults of one document that are told.
    static let warningLimit = 10

    /// What a document says.
    struct Reading {
        /// Its methods.
        var commands: [CommandFacts] = []
        /// What is wrong with it, each a sentence.
        var warnings: [String] = []

        fileprivate mutating func warn(_ text: String) {
            if warnings.count < warningLimit { warnings.append(text) }
        }
    }

    /// Reads a document; one that is no OpenRPC document has no methods.
    ///
    /// A method with `x-safe: true` may be called by GET. Parameters described one by one become
    /// one schema of an object with those members.
    static func read(_ document: UnsafeRawBufferPointer) -> Reading {
        var reading = Reading()
        guard let value = try? JSONValue.parse(document), case .object(let root) = value,
            case .array(let methods)? = root["methods"]
        else {
            reading.warn(
                "The answer to rpc.discover is no OpenRPC document: it has no list \"methods\".")
            return reading
        }
        if methods.count > commandLimit {
            reading.warn("Only the first \(commandLimit) of \(methods.count) methods are served.")
        }
        var names: Set<String> = []
        for (place, method) in methods.prefix(commandLimit).enumerated() {
            guard let command = command(method, place, &reading) else { continue }
            guard names.insert(command.name).inserted else {
                reading.warn("Method \"\(command.name)\" is described twice; the first counts.")
                continue
            }
            reading.commands.append(command)
        }
        if methods.isEmpty { reading.warn("The OpenRPC document lists no methods.") }
        return reading
    }

    private static func command(
        _ value: JSONValue, _ place: Int, _ reading: inout Reading
    ) -> CommandFacts? {
        guard case .object(let method) = value, case .string(let name)? = method["name"] else {
            reading.warn("Method \(place) of the OpenRPC document has no name.")
            return nil
        }
        guard CommandName.isValid(name) else {
            reading.warn(
                "Method \(String(name.prefix(80)).debugDescription) is not served: names are up to"
                    + " \(CommandName.byteLimit) letters, digits and -_.$")
            return nil
        }
        var facts = CommandFacts(name: name, isSafe: false)
        if case .string(let text)? = method["description"] ?? method["summary"] {
            facts.description = text
        }
        if case .bool(let isSafe)? = method["x-safe"] { facts.isSafe = isSafe }
        guard let params = method["params"] else { return facts }
        guard case .array(let list) = params, let schema = schema(of: list) else {
            reading.warn("The params of method \"\(name)\" are no list of content descriptors.")
            return facts
        }
        do throws(SchemaFault) {
            facts.schema = try JSONSchema(from: schema)
            var bytes = ByteBuffer()
            schema.write(into: &bytes)
            facts.params = bytes.array()
        } catch {
            reading.warn(
                "The params of method \"\(name)\" are not checked: at \(error.pointer),"
                    + " \(error.message).")
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
