// SourceRoutes: what the sources of the configuration are doing, over HTTP.

internal import HTTP
internal import JSON

extension GatewayLoop {
    func listSources(_ exchange: Exchange) {
        answerList(exchange, "sources") {
            $0.sources.all
        } write: { intake, json in
            intake.write(&json)
        }
    }

    func showSource(_ exchange: Exchange, _ match: RouteMatch) {
        let name = String(decoding: capture(0, match, exchange), as: UTF8.self)
        answerOne(exchange, missing: ("unknown_source", "There is no source \"\(name)\".")) {
            $0.sources.all.first { $0.settings.name == name }
        } write: { intake, json in
            intake.write(&json)
        }
    }
}

extension SourceIntake {
    /// Writes the source as the API shows it.
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(settings.name)
        json.key("kind")
        json.string(settings.kind.name)
        json.key("address")
        json.string(address)
        json.key("signal")
        json.string(settings.signal)
        json.key("framing")
        json.string(settings.framing.rawValue)
        json.key("state")
        json.string(state().rawValue)
        if let reason = reason() {
            json.key("reason")
            json.string(reason)
        }
        json.key("received")
        json.int(Int(clamping: counts.received))
        json.key("emitted")
        json.int(Int(clamping: counts.emitted))
        json.dropped(counts.dropped)
        if settings.kind.hasConnections {
            json.key("connections")
            json.int(counts.connections)
            json.key("refused_connections")
            json.int(Int(clamping: counts.refused))
        }
        json.endObject()
    }
}

extension SourceCounts {
    /// What was left out, by reason.
    var dropped: [(reason: StaticString, count: UInt64)] {
        [
            ("rate", overRate), ("too_long", tooLong), ("malformed", malformed),
            ("too_large", tooLarge), ("not_stored", notStored),
        ]
    }
}

extension Settings.Source.Kind {
    /// The key that it has in the configuration.
    var name: StaticString {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .unix: "unix"
        case .file: "file"
        }
    }

    /// Whether it has connections.
    var hasConnections: Bool {
        switch self {
        case .tcp, .unix: true
        case .udp, .file: false
        }
    }
}

extension Settings.Source {
    /// Most descriptors that its peers have open at a time.
    var mostConnections: Int { kind.hasConnections ? connections : 0 }
}
