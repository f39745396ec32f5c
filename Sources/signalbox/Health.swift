// Health: `signalbox health`: whether a gateway can serve, for the health checks of containers.

internal import ArgumentParser
internal import HTTP
internal import HTTPWire
internal import JSON

/// Asks whether a gateway is ready.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask whether a running gateway is ready.",
        usage: "signalbox health [--timeout SECONDS] [--json] [--url URL] [--cacert FILE]",
        discussion: """
            Ends with code 0 if it is, with 1 if it is not, with 4 if there is none. Says why.

            In a Dockerfile:  HEALTHCHECK CMD ["signalbox", "health"]
            """)

    @Option(help: ArgumentHelp("How long to wait for the answer.", valueName: "seconds"))
    var timeout = 5

    @Flag(help: "Print the state of all modules as JSON.")
    var json = false

    @OptionGroup var options: GatewayOptions

    func validate() throws {
        guard (1...3600).contains(timeout) else {
            throw ValidationError("--timeout is a number of seconds from 1 to 3600")
        }
    }

    func run() throws {
        let client = GatewayClient(options) { limits in
            limits.connectTimeout = .seconds(timeout)
            limits.handshakeTimeout = .seconds(timeout)
            limits.headTimeout = .seconds(timeout)
            limits.bodyTimeout = .seconds(timeout)
        }
        let answer = client.fetch(client.request(.get, json ? "/readyz?verbose" : "/readyz"))
        if json, answer.type == "application/json" { Terminal.print(answer.text) }
        guard answer.isSuccess else {
            Terminal.fail("\(client.address.text) is not ready: \(reason(answer))")
        }
        if !json { Terminal.print("ok") }
    }

    /// Which modules are to blame.
    private func reason(_ answer: ClientAnswer) -> String {
        guard let state = answer.json, let modules = state["modules"]?.object else {
            return answer.problem
        }
        if state["draining"]?.bool == true { return "it is about to end" }
        var reasons: [String] = []
        for (name, module) in modules.members.map({ ($0.key, $0.value) }) {
            guard let word = module["state"]?.string, word != "ready", word != "stopped" else {
                continue
            }
            let why = module["reason"]?.string.map { ": \($0)" } ?? ""
            reasons.append("module \(name) is \(word)\(why)")
        }
        return Terminal.plain(
            reasons.isEmpty ? "\(answer.status)" : reasons.joined(separator: "\n  "))
    }
}
