// SettingsDecoder+Sources: the map of sources. Whether an address is free is found out when it is
// bound.

extension SettingsDecoder {
    /// Decodes `sources`.
    func sources(_ top: SettingsObject, allowsAnonymous: Bool) -> [Settings.Source] {
        top.objects("sources").compactMap { name, object in
            if let problem = SettingNames.problem(ofName: name) { object.fault(nil, problem) }
            let kind = sourceKind(object, allowsAnonymous: allowsAnonymous)
            let signal = object.text("signal")
            if let signal, let problem = SettingNames.problem(ofSignal: signal) {
                object.fault("signal", problem)
            } else if signal == nil, !object.has("signal") {
                object.fault(nil, "signal is missing", advice: "add signal: \"NAME\"")
            }
            let framing = object.choice("framing", of: Settings.Source.Framing.self)
            let lineSize = object.size("line_size", in: 1...1 << 20)
            let rate = object.integer("rate", in: 1...1_000_000)
            let connections = object.integer("connections", in: 1...10_000)
            let idle = object.duration("idle_timeout", in: .seconds(1)...Self.longest)
            object.finish()
            guard let kind, let signal else { return nil }
            var source = Settings.Source(name: name, kind: kind, signal: signal)
            source.framing = framing ?? source.framing
            source.lineSize = lineSize ?? source.lineSize
            source.rate = rate ?? source.rate
            source.connections = connections ?? source.connections
            source.idleTimeout = idle ?? source.idleTimeout
            return source
        }
    }

    private func sourceKind(
        _ object: SettingsObject, allowsAnonymous: Bool
    ) -> Settings.Source.Kind? {
        let udp = object.text("udp")
        let tcp = object.text("tcp")
        let unix = object.file("unix")
        let file = object.file("file")
        guard let key = object.exactlyOne(of: ["udp", "tcp", "unix", "file"], "where it reads")
        else { return nil }
        if let unix {
            guard unix.utf8.count <= SettingsAddress.unixPathLimit else {
                object.fault(
                    key,
                    "the path of the socket has more than \(SettingsAddress.unixPathLimit) bytes")
                return nil
            }
            return .unix(path: unix)
        }
        if let file { return .file(path: file) }
        guard let text = udp ?? tcp else { return nil }
        do throws(SettingsAddress.Fault) {
            let parts = try SettingsAddress("http://" + text, for: .source, absolute: { $0 })
            guard case .tcp(let host, let port) = parts.address, parts.path.isEmpty else {
                throw SettingsAddress.Fault(problem: "\(SettingsObject.shown(text)) has a path")
            }
            let reach = SettingsAddress.reach(of: parts.address)
            if !allowsAnonymous, let warning = SettingsAddress.warning(reach, text) {
                object.fault(
                    key, warning,
                    advice: "bind 127.0.0.1, or set allow_anonymous: true if anyone may emit")
            }
            return udp != nil ? .udp(host: host, port: port) : .tcp(host: host, port: port)
        } catch {
            object.fault(
                key, error.problem, advice: error.advice ?? SettingsAddress.Use.source.aboutForm)
            return nil
        }
    }
}
