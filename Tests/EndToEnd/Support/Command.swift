// A program run from start to end: curl, openssl, the command line of signalbox itself.

import Foundation

/// What a finished command left.
struct Command {
    let status: Int32
    let output: String
    let errors: String

    /// Runs a command to its end.
    ///
    /// - Throws: `TestError` when it takes longer than `limit`.
    static func run(
        _ commandLine: [String], input: String? = nil, environment: [String: String] = [:],
        within limit: Duration = .seconds(20)
    ) throws -> Command {
        let program = try Program(commandLine, input: input, environment: environment)
        let status: Int32
        switch try program.wait(within: limit) {
        case .exited(let code): status = code
        case .killed(let signal): status = 128 + signal
        }
        return Command(status: status, output: program.output, errors: program.errors)
    }

    /// The lines of its output.
    var lines: [Substring] {
        output.split(whereSeparator: \.isNewline)
    }
}

/// One HTTP answer as curl saw it.
struct CurlAnswer {
    let status: Int
    /// Names in lower case; the last of several values.
    let fields: [String: String]
    let body: String
    let command: Command

    /// The body's JSON decoded as `Value`.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body.utf8))
    }
}

/// Runs curl with `--include` and takes its output apart.
///
/// - Throws: `TestError`; an answer that is none has status 0.
func curl(_ arguments: String..., within limit: Duration = .seconds(20)) throws -> CurlAnswer {
    try curl(arguments, within: limit)
}

/// Runs curl with `--include` and takes its output apart.
func curl(_ arguments: [String], within limit: Duration = .seconds(20)) throws -> CurlAnswer {
    let command = try Command.run(
        ["curl", "--silent", "--show-error", "--include", "--noproxy", "*"] + arguments,
        within: limit)
    var rest = Substring(command.output)
    var status = 0
    var fields: [String: String] = [:]
    // An interim answer (100 Continue) has a head of its own before the final one.
    while rest.hasPrefix("HTTP/"), let end = rest.range(of: "\r\n\r\n") {
        let lines = rest[..<end.lowerBound].components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        fields = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...]
            fields[line[..<colon].lowercased()] = value.trimmingCharacters(in: .whitespaces)
        }
        rest = rest[end.upperBound...]
        guard (100..<200).contains(status) else { break }
    }
    return CurlAnswer(status: status, fields: fields, body: String(rest), command: command)
}
