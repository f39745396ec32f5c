// SettingsDecoder+Upstream: the keys of a module with `http`.

internal import Bytes
internal import HTTPWire

extension SettingsDecoder {
    /// Fields that the gateway sets itself, or that belong to one connection.
    private static let ownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te",
        "trailer", "upgrade", "proxy-connection", "proxy-authenticate", "proxy-authorization",
        "x-request-id", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
        "traceparent", "via", "date", "content-type", "content-encoding",
    ]

    /// Decodes a module with `http`.
    func upstream(_ object: SettingsObject) -> Settings.UpstreamModule? {
        let url = object.text("http")
        let place = url.flatMap { address($0, object, "http", for: .upstream) }
        var module = Settings.UpstreamModule(
            url: url ?? "", address: place?.address ?? .unix(path: ""),
            basePath: place?.path ?? "", usesTLS: place?.usesTLS ?? false)
        trust(&module, object, isKnown: place != nil)
        times(&module, object)
        fields(&module, object)
        module.breaker = breaker(object)
        module.health = health(object)
        guard let place else { return nil }
        switch place.address {
        case .tcp(_, port: 0): object.fault("http", "port 0 is no port to connect to")
        case .inherited: object.fault("http", "a socket of systemd is one to listen on")
        case .tcp, .unix: break
        }
        return module
    }

    private func trust(
        _ module: inout Settings.UpstreamModule, _ object: SettingsObject, isKnown: Bool
    ) {
        module.authority = object.file("ca")
        module.verifiesCertificate = object.flag("verify", default: true)
        module.host = object.text("host")
        if let host = module.host {
            var copy = host
            if !copy.withUTF8({ Authority.isValid(UnsafeRawBufferPointer($0)) }) || host.isEmpty {
                object.fault("host", "\(SettingsObject.shown(host)) is no host")
            }
        }
        if isKnown, !module.usesTLS {
            if module.authority != nil {
                object.fault("ca", "only https upstreams have authorities", advice: "remove it")
            }
            if object.has("verify") {
                object.fault("verify", "only https upstreams are verified", advice: "remove it")
            }
        }
        if module.authority != nil, !module.verifiesCertificate {
            object.fault("verify", "with ca there is something to verify", advice: "remove one")
        }
    }

    private func times(_ module: inout Settings.UpstreamModule, _ object: SettingsObject) {
        let positive = Duration.milliseconds(1)...Self.longest
        module.connections = object.integer("connections", in: 1...10_000) ?? module.connections
        module.queue = object.integer("queue", in: 0...1_000_000) ?? module.queue
        module.queueTimeout = object.duration("queue_timeout", in: positive) ?? module.queueTimeout
        module.connectTimeout =
            object.duration("connect_timeout", in: positive) ?? module.connectTimeout
        module.bodyTimeout = object.duration("body_timeout", in: positive) ?? module.bodyTimeout
        module.idleTimeout = object.duration("idle_timeout", in: positive) ?? module.idleTimeout
        module.bodySize = object.size("body_size", in: 0...1 << 40)
    }

    private func fields(_ module: inout Settings.UpstreamModule, _ object: SettingsObject) {
        module.headers = object.textMap("headers")
        for (name, value) in module.headers.sorted(by: { $0.key < $1.key }) {
            let place = object.path.member("headers").member(name)
            if let problem = Self.problem(ofField: name) {
                reading.fault(place, problem)
            } else if value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
                reading.fault(place, "the value has a control character")
            }
        }
        module.passesCredentials = object.flag("pass_credentials", default: false)
        let names = object.texts("response_headers") ?? []
        for (index, name) in names.enumerated() {
            if let problem = Self.problem(ofField: name) {
                reading.fault(object.path.member("response_headers").element(index), problem)
            }
        }
        module.responseHeaders = names.map { $0.lowercased() }
    }

    private static func problem(ofField name: String) -> String? {
        guard !name.isEmpty, name.utf8.allSatisfy(ASCII.isToken) else {
            return "no field has such a name"
        }
        return ownFields.contains(name.lowercased()) ? "this field is the gateway's own" : nil
    }

    private func breaker(_ object: SettingsObject) -> Settings.UpstreamModule.Breaker {
        var breaker = Settings.UpstreamModule.Breaker()
        let settings = object.object("breaker")
        let pauses = Duration.milliseconds(1)...Duration.seconds(86_400)
        breaker.failures = settings.integer("failures", in: 1...1_000_000) ?? breaker.failures
        breaker.pause = settings.duration("pause", in: pauses) ?? breaker.pause
        breaker.maxPause =
            settings.duration("max_pause", in: pauses) ?? max(breaker.maxPause, breaker.pause)
        if breaker.maxPause < breaker.pause {
            settings.fault("max_pause", "max_pause is shorter than pause", advice: "raise it")
        }
        settings.finish()
        return breaker
    }

    private func health(_ object: SettingsObject) -> Settings.UpstreamModule.Health? {
        guard object.has("health") else { return nil }
        let settings = object.object("health")
        let path = settings.text("path")
        var health = Settings.UpstreamModule.Health(path: path ?? "/")
        let times = Duration.milliseconds(10)...Self.longest
        health.every = settings.duration("every", in: times) ?? health.every
        health.timeout = settings.duration("timeout", in: times) ?? health.timeout
        if path == nil {
            settings.fault(nil, "the check has no path", advice: "add path: \"/healthz\"")
        } else if !health.path.hasPrefix("/")
            || !health.path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        {
            settings.fault("path", "expected a path as in a URL", advice: "begin with /")
        }
        settings.finish()
        return health
    }
}
