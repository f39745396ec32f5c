// RouteList: the routes of a configuration as text, for people.

internal import HTTPWire

extension Gateway {
    /// The URLs that `settings` serve: one line each, method and path; commands of modules by name.
    public static func routes(of settings: Settings) -> [String] {
        let base = settings.basePath
        var lines: [String] = []
        for entry in GatewayRoute.entries where !entry.pattern.contains("{command}") {
            lines.append(line("\(entry.method.name ?? "")", base + entry.pattern))
        }
        for module in settings.modules {
            let facts = ModuleBuilder.facts(module)
            for command in facts.commands {
                let path = "\(base)/v1/modules/\(module.name)/\(command.name)"
                if command.isSafe { lines.append(line("GET", path)) }
                lines.append(line("POST", path))
            }
            if facts.commands.isEmpty {
                lines.append(line("POST", "\(base)/v1/modules/\(module.name)/{command}"))
            }
        }
        return lines
    }

    private static func line(_ method: String, _ path: String) -> String {
        method + String(repeating: " ", count: max(8 - method.count, 1)) + path
    }
}

extension Settings {
    /// The development authority beside the first listener's certificate, if there is one; its path
    /// starts at the working directory where that is shorter.
    public var developmentAuthority: String? {
        guard let file = listeners.compactMap({ $0.tls?.certificates.first?.certificate }).first,
            let slash = file.lastIndex(of: "/")
        else { return nil }
        return Environment.shortPath(file[...slash] + "dev-ca.crt")
    }
}
