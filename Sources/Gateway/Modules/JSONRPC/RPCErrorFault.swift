// RPCErrorFault: reading the error object of a JSON-RPC answer, and what may be wrong with it.

internal import Bytes
internal import JSON

/// What is wrong with the error of an answer.
struct RPCErrorFault: Error {
    /// To follow "answered with something that is no answer".
    let reason: String
}

extension ModuleError.RPCError {
    /// Reads the error object of a JSON-RPC answer.
    ///
    /// - Throws: `RPCErrorFault` if it has not an integer `code` and a string `message`
    ///   (JSON-RPC 2.0 §5.1).
    init(_ json: UnsafeRawBufferPointer) throws(RPCErrorFault) {
        guard let value = try? JSONValue.parse(json), case .object(let object) = value else {
            throw RPCErrorFault(reason: "its error is no object, or has a key twice")
        }
        guard case .number(let number)? = object["code"], let code = number.int else {
            throw RPCErrorFault(reason: "its error has no integer code")
        }
        guard case .string(let text)? = object["message"] else {
            throw RPCErrorFault(reason: "its error has no message that is a string")
        }
        self.init(code: code, message: text, data: nil, status: nil)
        guard let data = object["data"] else { return }
        var bytes = ByteBuffer()
        data.write(into: &bytes)
        self.data = bytes.array()
        if case .object(let members) = data, case .number(let number)? = members["status"],
            let wanted = number.int, (400...599).contains(wanted)
        {
            status = wanted
        }
    }
}
