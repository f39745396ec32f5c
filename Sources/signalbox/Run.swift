// Run: `signalbox run -- COMMAND…`: one program, no configuration file.

internal import ArgumentParser
internal import Gateway
internal import Glibc

/// Serves one program.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve one program as module `main`, without a configuration file.",
        usage: "signalbox run [--certificate FILE --key FILE] -- COMMAND…",
        discussion: """
            The program speaks JSON-RPC 2.0 on stdin and stdout, one message per line. It is served \
            on http://localhost:8080, and on https://localhost:8443 if there is a certificate.

            Example:  signalbox run -- python3 examples/modules/host.py
            """)

    @Option(help: ArgumentHelp("Certificate chain for HTTPS (PEM).", valueName: "file"))
    var certificate = "certs/localhost.crt"

    @Option(help: ArgumentHelp("Private key of the certificate (PEM).", valueName: "file"))
    var key = "certs/localhost.key"

    @OptionGroup var overrides: OverrideOptions

    @Argument(parsing: .postTerminator, help: "The program and its arguments, after --.")
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("Name the program after --, e.g. signalbox run -- ./module.py")
        }
    }

    func run() throws {
        let folder = Folder.current
        let settings: Settings
        do throws(SettingsError) {
            settings = try Settings.oneModule(
                command: command, folder: folder, certificate: pair(folder),
                environment: Environment.all, overrides: overrides.parsed())
        } catch {
            Terminal.fail("cannot run this\n\(error)", ExitStatus.configuration)
        }
        let missing = Gateway.missingPrograms(of: settings)
        guard missing.isEmpty else {
            Terminal.fail(
                "cannot run this\n" + missing.joined(separator: "\n"), ExitStatus.configuration)
        }
        do throws(GatewayError) {
            try Gateway(settings).run { Terminal.print(Banner.text($0, settings)) }
        } catch {
            Terminal.fail("\(error)")
        }
    }

    private func pair(_ folder: String) -> Settings.TLSFiles.Certificate? {
        let files = [certificate, key].map { $0.hasPrefix("/") ? $0 : "\(folder)/\($0)" }
        guard files.allSatisfy({ access($0, R_OK) == 0 }) else { return nil }
        return .init(certificate: files[0], key: files[1])
    }
}

/// Folders of this process.
enum Folder {
    /// The working directory.
    static var current: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
