// Call: `signalbox call M.C key=value…`: one call of a command of a running gateway.

internal import ArgumentParser
internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON

/// Calls a command.
struct Call: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Call a command of a running gateway and print its result.",
        usage: "signalbox call MODULE.COMMAND [key=text | key:=json]… [--params JSON]",
        discussion: """
            key=text passes a string, key:=json any other value. The result is JSON, laid out for \
            reading; with --json it is printed as it came, and so is the problem document if the \
            call fails.

            Example:  signalbox call host.disk mount=/
            """)

    @Argument(help: ArgumentHelp("Module and command, with a dot between.", valueName: "m.c"))
    var method: String

    @Argument(help: ArgumentHelp("Parameters.", valueName: "key=value"))
    var pairs: [String] = []

    @Option(
        help: ArgumentHelp("All parameters as JSON; - reads standard input.", valueName: "json"))
    var params: String?

    @Flag(help: "Print the answer as it came.")
    var json = false

    @OptionGroup var options: GatewayOptions

    func validate() throws {
        _ = try names
        if params != "-" { _ = try value }
    }

    /// The module's name, which has no dot, and the command's, which may.
    private var names: (module: String, command: String) {
        get throws {
            let parts = method.split(
                separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw ValidationError(
                    "\"\(method)\" is no command: write MODULE.COMMAND, e.g. host.disk")
            }
            return (String(parts[0]), String(parts[1]))
        }
    }

    /// What is passed: `--params` and the pairs together, `{}` if there is neither.
    private var value: JSONValue {
        get throws {
            let whole = try params.map { try JSONArgument.read($0, as: "--params") }
            if pairs.isEmpty, let whole { return whole }
            return try JSONArgument.object(pairs, addedTo: whole)
        }
    }

    func run() throws {
        let (module, command) = try names
        let value = try value
        let client = GatewayClient(options)
        var request = client.request(
            .post, "/v1/modules/\(URLText.encoded(module))/\(URLText.encoded(command))")
        request.setJSON(value)
        let answer = client.fetch(request)
        guard answer.isSuccess else { answer.fail(method, asJSON: json) }
        answer.printBody(asJSON: json)
    }
}

extension ClientRequest {
    /// Sends `value` as the body.
    mutating func setJSON(_ value: JSONValue) {
        var text = ByteBuffer()
        value.write(into: &text)
        body = .bytes(Payload(text.readable))
        // Neither the name nor the value can break the grammar.
        try? append("Content-Type", "application/json")
    }
}
