// CheckConfig: `signalbox check-config`: every fault of a file, without serving it. And `routes`.

internal import Bytes
internal import ArgumentParser
internal import Gateway

/// Checks a configuration.
struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check a configuration file and name every fault.",
        discussion: """
            Ends with code 0 if the file is usable, the programs, folders and addresses that it names \
            are there, and the state can be kept in its folder; with 3 if not.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The configuration file.")
    var file: String?

    func run() throws {
        var options = options
        if let file { options.config = file }
        let settings = try options.load()
        do throws(GatewayError) {
            try Gateway.check(settings)
        } catch {
            Terminal.fail("the configuration is not usable\n\(error)", ExitStatus.configuration)
        }
        let missing =
            Gateway.missingPrograms(of: settings) + Gateway.missingAddresses(of: settings)
            + Gateway.missingSources(of: settings) + Gateway.stateFaults(of: settings)
        guard missing.isEmpty else {
            Terminal.fail(
                "the configuration is sound, but not everything it names is there\n"
                    + missing.joined(separator: "\n"), ExitStatus.configuration)
        }
        let counts = [
            (settings.listeners.count, "listener"), (settings.modules.count, "module"),
            (settings.timers.count, "timer"), (settings.sources.count, "source"),
            (settings.reactions.count, "reaction"),
        ]
        let text = counts.map { Quantity.text($0.0, $0.1) }.joined(separator: ", ")
        Terminal.print("\(options.file): ok (\(text))")
    }
}

/// Lists what would be served.
struct Routes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the URLs that a configuration serves.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let settings = try options.load()
        for line in Gateway.routes(of: settings) { Terminal.print(line) }
    }
}
