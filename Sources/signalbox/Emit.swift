// Emit: `signalbox emit SIGNAL [JSON]`: emits one signal through a running gateway.

internal import ArgumentParser
internal import HTTP
internal import HTTPWire
internal import JSON

/// Emits a signal.
struct Emit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Emit a signal through a running gateway.",
        usage: "signalbox emit SIGNAL [JSON] [--url URL]",
        discussion: """
            Prints the id that the event got and how many listen. With --json the answer is \
            printed as it came.

            Example:  signalbox emit demo.hello '{"from":"me"}'
            """)

    @Argument(help: "The signal's name.")
    var signal: String

    @Argument(
        help: ArgumentHelp(
            "The event's data (default: null); - reads standard input.", valueName: "json"))
    var data: String?

    @Flag(help: "Print the answer as it came.")
    var json = false

    @OptionGroup var options: GatewayOptions

    func validate() throws {
        if data != "-" { _ = try value }
    }

    private var value: JSONValue {
        get throws { try data.map { try JSONArgument.read($0, as: "the data") } ?? .null }
    }

    func run() throws {
        let value = try value
        let client = GatewayClient(options)
        var request = client.request(.post, "/v1/signals/\(URLText.encoded(signal))")
        request.setJSON(value)
        let answer = client.fetch(request)
        guard answer.isSuccess else { answer.fail(signal, asJSON: json) }
        guard !json, let told = answer.json, let id = told["id"]?.string else {
            answer.printBody(asJSON: json)
            return
        }
        let count = told["subscribers"]?.int ?? 0
        Terminal.print(
            Terminal.plain("\(id)  \(count) \(count == 1 ? "subscriber" : "subscribers")"))
    }
}
