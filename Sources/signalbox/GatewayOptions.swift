// GatewayOptions: the options of all commands that talk to a running gateway.

internal import ArgumentParser
internal import Gateway

/// Which gateway, and whom to believe that it is that.
struct GatewayOptions: ParsableArguments {
    /// The gateway if none is named: where `signalbox run` serves.
    static let standardURL = "http://localhost:8080"

    @Option(
        help: ArgumentHelp(
            "The gateway: http://, https:// or unix:/PATH (default: $SIGNALBOX_URL, else "
                + "\(standardURL)).", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "Believe certificates signed by the authority in this file (PEM) instead of the "
                + "system's.", valueName: "file"))
    var cacert: String?

    func validate() throws {
        do throws(GatewayAddress.Fault) {
            _ = try address
        } catch {
            throw ValidationError("\(source) \(error)")
        }
    }

    /// The gateway to talk to.
    var address: GatewayAddress {
        get throws(GatewayAddress.Fault) { try GatewayAddress(chosen ?? Self.standardURL) }
    }

    private var chosen: String? {
        if let url { return url }
        let variable = Environment.value("SIGNALBOX_URL")
        return variable?.isEmpty == true ? nil : variable
    }

    private var source: String { url == nil ? "SIGNALBOX_URL:" : "--url:" }
}
