// Banner: what a started gateway says: where it listens, and three lines to paste.

internal import Gateway

/// The text shown at start-up.
enum Banner {
    /// The banner for a gateway that serves `settings`.
    static func text(_ report: GatewayReport, _ settings: Settings) -> String {
        var lines = ["signalbox \(Gateway.version) is listening on"]
        for url in report.urls { lines.append("  \(url)") }
        let count = report.modules.count
        lines.append(
            "modules: " + (count == 0 ? "none" : report.modules.joined(separator: ", "))
                + "   loops: \(report.loops)")
        guard let url = report.urls.first(where: { !$0.hasPrefix("unix:") }) else {
            return lines.joined(separator: "\n")
        }
        lines.append("")
        lines.append("Try, in another terminal:")
        lines.append("  curl \(url)/v1/modules")
        if let call = example(settings, url) { lines.append("  \(call)") }
        lines.append("  curl -N '\(url)/v1/events?signal=**'")
        if let secure = report.urls.first(where: { $0.hasPrefix("https:") }),
            let authority = settings.developmentAuthority
        {
            lines.append("  curl --cacert \(authority) \(secure)/v1/modules")
        }
        return lines.joined(separator: "\n")
    }

    private static func example(_ settings: Settings, _ url: String) -> String? {
        for module in settings.modules {
            guard let command = module.commands.first(where: { $0.isSafe }) ?? module.commands.first
            else { continue }
            let path = "\(url)/v1/modules/\(module.name)/\(command.name)"
            return command.isSafe ? "curl \(path)" : "curl -X POST \(path) -d '{}'"
        }
        return nil
    }
}
