// CodableModule: Swift modules made of `async` functions from one Codable type to another. The only
// place beside the settings that uses FoundationEssentials: what passes here is decoded into values
// because a program wants to work with them.

internal import FoundationEssentials
internal import JSON
internal import Notifier

/// An error that a command of a `CodableModule` declares.
public struct CallError: Error, Sendable {
    /// The HTTP status, 400 to 599.
    public var status: Int
    /// A sentence for people.
    public var message: String
    /// More for programs, or nil.
    public var data: (any Encodable & Sendable)?

    /// Declares an error.
    public init(_ status: Int, _ message: String, data: (any Encodable & Sendable)? = nil) {
        self.status = status
        self.message = message
        self.data = data
    }
}

/// One command: an `async` function with its parameters and its result as Codable types.
public struct CodableCommand: Sendable {
    /// How others see it.
    public let description: CommandDescription

    let run: @Sendable (Call, Reply) async -> Void

    /// Makes a command of `body`.
    ///
    /// `body` runs on the loop and must not block it; what takes long suspends, and what blocks
    /// belongs on a `WorkerPool`. Its task is cancelled when the caller has gone or the deadline has
    /// passed. Parameters that cannot be decoded are refused with 422; a `CallError` that is thrown
    /// becomes that error, any other one a 500 that tells the caller nothing more.
    ///
    /// - Parameters:
    ///   - summary: what it does, in a sentence.
    ///   - isSafe: whether it changes nothing, so that `GET` may call it; all parameters of a query
    ///     are strings.
    public init<Params: Decodable & Sendable, Result: Encodable & Sendable>(
        _ name: String, summary: String? = nil, isSafe: Bool = false,
        _ body: @escaping @Sendable (Params, Call) async throws -> Result
    ) {
        description = CommandDescription(name, summary: summary, isSafe: isSafe)
        run = { call, reply in
            let params: Params
            do {
                params = try JSONDecoder().decode(Params.self, from: Data(call.params))
            } catch {
                let (pointer, message) = ParamsFault.describe(error)
                reply.refuse(pointer, message)
                return
            }
            do {
                reply.result(Array(try Self.encode(try await body(params, call))))
            } catch let error as CallError {
                let data = error.data.flatMap { try? Self.encode($0) }
                reply.fail(error.status, error.message, data: data.map { Array($0) })
            } catch is CancellationError {
                reply.fail(503, "The call was cancelled.")
            } catch {
                reply.fail(500, "The command \"\(call.command)\" failed.")
            }
        }
    }

    fileprivate static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }
}

extension Call {
    /// Tells how the call is getting on, from any thread: whoever watches it, or its job, gets `value`
    /// as JSON.
    ///
    /// Costs next to nothing when nobody watches. What comes faster than a watcher reads is dropped,
    /// and the watcher told how much; after the answer nothing is reported.
    public func report(_ value: some Encodable) {
        guard isWatched, let json = try? CodableCommand.encode(value) else { return }
        reply.progress(Array(json))
    }
}

/// A module made of Codable commands.
///
///     struct Sum: Codable { var a: Int, b: Int }
///     let calculator = CodableModule([
///         CodableCommand("add") { (sum: Sum, _) in sum.a + sum.b }
///     ])
public struct CodableModule: Module {
    private let table: [String: CodableCommand]

    /// What each command is for.
    public let descriptions: [CommandDescription]

    /// Makes a module of `commands`; of two with one name the first counts.
    public init(_ commands: [CodableCommand]) {
        table = Dictionary(commands.map { ($0.description.name, $0) }) { first, _ in first }
        var seen: Set<String> = []
        descriptions = commands.map(\.description).filter { seen.insert($0.name).inserted }
    }

    /// The names of the commands.
    public var commands: [String] { descriptions.map(\.name) }

    /// A call knows its caller.
    public var wantsContext: Bool { true }

    /// Starts the command's task.
    public func call(_ call: Call, reply: Reply) {
        guard let command = table[call.command] else {
            reply.fail(404, "There is no such command.")
            return
        }
        AsyncBridge.run(call, reply, command.run)
    }
}

/// What is wrong with parameters, from what the decoder threw.
private enum ParamsFault {
    /// Where, as a JSON pointer (RFC 6901), and what.
    static func describe(_ error: any Error) -> (pointer: String, message: String) {
        switch error as? DecodingError {
        case .typeMismatch(let type, let context):
            (pointer(context.codingPath), "must be \(name(of: type))")
        case .valueNotFound(let type, let context):
            (pointer(context.codingPath), "must be \(name(of: type)), not null")
        case .keyNotFound(let key, let context):
            (pointer(context.codingPath + [key]), "is missing")
        case .dataCorrupted(let context):
            (pointer(context.codingPath), context.debugDescription)
        default: ("", "cannot be decoded")
        }
    }

    private static func pointer(_ path: [any CodingKey]) -> String {
        var pointer = JSONPointer()
        for key in path {
            pointer = pointer.appending(key.intValue.map { String($0) } ?? key.stringValue)
        }
        return pointer.description
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "a boolean"
        case is any FixedWidthInteger.Type: "an integer"
        case is any BinaryFloatingPoint.Type: "a number"
        case is any KeyedType.Type: "an object"
        case is any SequenceType.Type: "an array"
        default: "a different kind of value"
        }
    }
}

/// Dictionaries, as which decoders name objects.
private protocol KeyedType {}
extension Dictionary: KeyedType {}

/// Arrays, as which decoders name arrays.
private protocol SequenceType {}
extension Array: SequenceType {}
