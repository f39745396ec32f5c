// JSONArgument: JSON from the command line: whole texts, and parameters as key=value.

internal import ArgumentParser
internal import Bytes
internal import Glibc
internal import JSON

/// Reads JSON given as arguments.
enum JSONArgument {
    /// Depth of nested containers that a gateway takes by default.
    private static let depth = JSONScanner.defaultDepth

    /// Checks that `text`, given as `name`, is JSON; `-` stands for standard input.
    static func read(_ text: String, as name: String) throws -> JSONValue {
        do throws(JSONError) {
            return try JSONValue.parse(text == "-" ? standardInput() : text, maxDepth: depth)
        } catch {
            let problem = "\(name) is not JSON: \(error)"
            // Standard input is read when the arguments have been accepted already.
            if text == "-" { Terminal.fail(problem, ExitStatus.usage) }
            throw ValidationError(problem)
        }
    }

    /// The object that `pairs` are: `key=text` is a string, `key:=json` any value.
    ///
    /// - Parameter base: the object that they are added to; nil for an empty one.
    static func object(_ pairs: [String], addedTo base: JSONValue?) throws -> JSONValue {
        guard var object = base == nil ? JSONObject() : base?.object else {
            throw ValidationError("key=value needs --params to be an object, or left out")
        }
        for pair in pairs {
            let (key, value) = try member(pair)
            guard object.append(key, value) else {
                throw ValidationError("the parameter \"\(key)\" is given twice")
            }
        }
        return .object(object)
    }

    private static func member(_ pair: String) throws -> (String, JSONValue) {
        guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex,
            !pair.hasPrefix(":=")
        else {
            throw ValidationError(
                "\"\(pair)\" is no parameter: write key=text, or key:=json for anything else")
        }
        let key = pair[..<equals]
        let value = String(pair[pair.index(after: equals)...])
        guard key.hasSuffix(":") else { return (String(key), .string(value)) }
        return (String(key.dropLast()), try read(value, as: "the value of \(key)="))
    }

    private static func standardInput() -> String {
        var buffer = ByteBuffer()
        while true {
            let count = buffer.fill(atLeast: 65536) { room in
                max(Glibc.read(0, room.baseAddress, room.count), 0)
            }
            if count == 0 { return buffer.text() }
        }
    }
}
