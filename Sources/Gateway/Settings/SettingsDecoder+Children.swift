// SettingsDecoder+Children: what process modules have beyond other children: who shares them, and
// what is said before the first call.

internal import Bytes

extension SettingsDecoder {
    /// Decodes `pool` or `per_session`; nil for neither.
    func sharing(_ object: SettingsObject) -> Settings.ProcessModule.Sharing? {
        let pool = object.integer("pool", in: 1...256)
        let session = object.optionalObject("per_session").flatMap(perSession)
        if object.has("pool"), object.has("per_session") {
            object.fault(
                "per_session", "pool and per_session exclude each other", advice: "keep one")
        }
        if let session { return .perSession(session) }
        return pool.map { .pool($0) }
    }

    private func perSession(_ object: SettingsObject) -> Settings.ProcessModule.PerSession? {
        let header = object.text("header")
        let cookie = object.text("cookie")
        let limit = object.integer("limit", in: 1...100_000)
        let idleTimeout = object.duration("idle_timeout", in: .milliseconds(1)...Self.longest)
        let key = object.exactlyOne(of: ["header", "cookie"], "what names the session")
        object.finish()
        guard let key, let name = header ?? cookie else { return nil }
        guard !name.isEmpty, name.utf8.allSatisfy(ASCII.isToken) else {
            object.fault(key, "\(SettingsObject.shown(name)) is no name of a \(key)")
            return nil
        }
        var session = Settings.ProcessModule.PerSession(
            source: key == "header" ? .header(name) : .cookie(name))
        session.limit = limit ?? session.limit
        session.idleTimeout = idleTimeout ?? session.idleTimeout
        return session
    }

    /// Decodes `handshake`: a list of `{ call | notify: METHOD, params }`.
    func handshake(_ object: SettingsObject) -> [Settings.ProcessModule.HandshakeStep] {
        (object.list("handshake") ?? []).compactMap { step in
            let methods = (call: method(step, "call"), notify: method(step, "notify"))
            var params: [UInt8] = Array("{}".utf8)
            switch step.value("params") {
            case nil: break
            case .object?, .list?: params = step.json("params") ?? params
            case let other?:
                step.fault("params", "expected an object or a list, found \(other.kind)")
            }
            let key = step.exactlyOne(of: ["call", "notify"], "what is sent")
            step.finish()
            guard let key, let method = methods.call ?? methods.notify else { return nil }
            return .init(method: method, params: params, isNotification: key == "notify")
        }
    }

    /// Decodes `notifications`: signals by the method of a notification.
    func notifications(_ object: SettingsObject) -> [String: String] {
        let map = object.textMap("notifications")
        for (method, signal) in map.sorted(by: { $0.key < $1.key }) {
            let place = object.path.member("notifications").member(method)
            if let problem = SettingNames.problem(ofSignal: signal) {
                reading.fault(place, problem)
            }
            if let problem = Self.problem(ofMethod: method) { reading.fault(place, problem) }
        }
        return map
    }

    /// The name of a JSON-RPC method under `key`, or nil.
    func method(_ object: SettingsObject, _ key: String) -> String? {
        guard let method = object.text(key) else { return nil }
        if let problem = Self.problem(ofMethod: method) {
            object.fault(key, problem)
            return nil
        }
        return method
    }

    private static func problem(ofMethod method: String) -> String? {
        let isSound =
            !method.isEmpty && method.utf8.count <= CommandName.byteLimit
            && method.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
        return isSound ? nil : "\(SettingsObject.shown(method)) is no name of a method"
    }

    /// Decodes `jobs`.
    func jobs(_ object: SettingsObject) -> Settings.Jobs {
        var jobs = Settings.Jobs()
        jobs.count = object.integer("count", in: 0...1_000_000) ?? jobs.count
        jobs.size = object.size("size", in: 0...1 << 40) ?? jobs.size
        jobs.keep = object.duration("keep", in: .milliseconds(1)...Self.longest) ?? jobs.keep
        jobs.timeout =
            object.duration("timeout", in: .milliseconds(1)...Self.longest) ?? jobs.timeout
        object.finish()
        return jobs
    }
}
