// Serve: `signalbox serve`: the gateway of a configuration file.

internal import ArgumentParser
internal import Gateway
internal import Glibc

/// Where the configuration comes from.
struct ConfigurationOptions: ParsableArguments {
    /// The file used if none is named: where a package would put it.
    static let standardFile = "/etc/signalbox/signalbox.json5"

    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp(
            "The configuration file (default: $SIGNALBOX_CONFIG, else \(standardFile)).",
            valueName: "file"))
    var config: String?

    @OptionGroup var overrides: OverrideOptions

    /// The file to read.
    var file: String { config ?? Environment.value("SIGNALBOX_CONFIG") ?? Self.standardFile }

    /// The settings; ends the program with every fault named if they are wrong.
    func load() throws -> Settings {
        do throws(SettingsError) {
            return try Settings.load(
                file: file, environment: Environment.all, overrides: overrides.parsed())
        } catch {
            Terminal.fail("the configuration is not usable\n\(error)", ExitStatus.configuration)
        }
    }
}

/// Settings given on the command line.
struct OverrideOptions: ParsableArguments {
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Overrides one setting, e.g. --set log.level=debug. Repeatable.",
            valueName: "key=value"))
    var set: [String] = []

    /// The overrides; all without a value are named at once.
    func parsed() throws(SettingsError) -> [Settings.Override] {
        var result: [Settings.Override] = []
        for text in set {
            guard let equals = text.firstIndex(of: "=") else {
                throw SettingsError(faults: [
                    SettingsFault(
                        source: "command line", keyPath: text, problem: "has no value",
                        advice: "write --set \(text)=VALUE")
                ])
            }
            result.append(
                .init(
                    key: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
            )
        }
        return result
    }
}

/// Serves a configuration.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the modules of a configuration file.",
        discussion: """
            TERM or INT ends it in good order, a second one at once. HUP opens the log file anew, \
            takes the log's level and format from the configuration and reads the certificates \
            again; USR1 opens the log file alone.
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let settings = try options.load()
        let overrides = try options.overrides.parsed()
        do throws(GatewayError) {
            let gateway = Gateway(settings)
            gateway.reread = { [file = options.file] () throws(SettingsError) in
                try Settings.load(
                    file: file, environment: Environment.all, overrides: overrides)
            }
            try gateway.run { report in
                Terminal.print(Banner.text(report, settings))
            }
        } catch {
            Terminal.fail("\(error)")
        }
    }
}
