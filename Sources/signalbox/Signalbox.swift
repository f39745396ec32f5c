// Signalbox: the command line. Each subcommand is a file of its own.
//
// Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 unreachable.

internal import ArgumentParser
internal import Gateway
internal import Glibc

@main
struct Signalbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signalbox",
        abstract: "Turns programs into an HTTP/JSON API with live events.",
        discussion: """
            Try it:  signalbox run -- python3 examples/modules/host.py
            Serve a configuration:  signalbox serve --config config/signalbox.json5
            """,
        version: "signalbox \(Gateway.version)",
        subcommands: [
            Serve.self, Run.self, CheckConfig.self, Routes.self, Call.self, Listen.self, Emit.self,
            Health.self, Version.self,
        ])

    /// Parses the arguments and runs the command; faults of usage end with code 2.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            let code = exitCode(for: error)
            guard code != .success, code.rawValue == EX_USAGE else { exit(withError: error) }
            Terminal.error(fullMessage(for: error))
            Glibc.exit(ExitStatus.usage)
        }
    }
}

/// The program's exit codes.
enum ExitStatus {
    /// Something failed.
    static let failed: Int32 = 1
    /// The arguments are wrong.
    static let usage: Int32 = 2
    /// The configuration is wrong.
    static let configuration: Int32 = 3
    /// The gateway could not be reached.
    static let unreachable: Int32 = 4
}

/// Prints the version.
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() { Terminal.print("signalbox \(Gateway.version)") }
}
