// SettingsDecoder+Listeners: the list of listeners. Whether a certificate can be loaded is found
// out when it is; here only the shape of what is asked for is judged.

extension SettingsDecoder {
    /// Decodes `listeners`.
    func listeners(_ top: SettingsObject, allowsAnonymous: Bool) -> [Settings.Listener] {
        guard let objects = top.list("listeners") else { return [.loopback] }
        if objects.isEmpty {
            top.fault(
                "listeners", "there must be a listener", advice: "remove the key for the default")
        }
        var listeners: [Settings.Listener] = []
        for object in objects {
            guard let listener = listener(object) else { continue }
            let reach = SettingsAddress.reach(of: listener.address)
            if !allowsAnonymous, let warning = SettingsAddress.warning(reach, listener.url) {
                object.fault(
                    "url", warning,
                    advice: "bind localhost, or set allow_anonymous: true if anyone may call")
            }
            // Port 0 asks the system for a free port, a different one each time.
            let isTaken = listeners.contains { $0.address == listener.address }
            if isTaken, !listener.address.isAnyPort {
                object.fault("url", "another listener has this address", advice: "remove one")
            }
            listeners.append(listener)
        }
        return listeners.isEmpty ? [.loopback] : listeners
    }

    private func listener(_ object: SettingsObject) -> Settings.Listener? {
        let url = object.text("url")
        let isInherited = url?.hasPrefix("systemd:") == true
        let tls = tls(object, isHTTPS: url?.hasPrefix("https://") == true, isInherited)
        let access = access(object, isUnix: url?.hasPrefix("unix:") == true)
        let expectsProxy = object.flag("proxy_protocol", default: false)
        object.finish()
        guard let url else {
            if !object.has("url") {
                object.fault(
                    nil, "the listener has no url", advice: "add url: \"http://localhost:8080\"")
            }
            return nil
        }
        if isInherited {
            guard let name = inheritedName(url, object) else { return nil }
            var listener = Settings.Listener(url: url, address: .inherited(name: name), tls: tls)
            listener.expectsProxy = expectsProxy
            return listener
        }
        guard let address = address(url, object, "url") else { return nil }
        if !address.path.isEmpty {
            object.fault("url", "a listener has no path", advice: "set base_path for all of them")
        }
        var listener = Settings.Listener(
            url: url, address: address.address, tls: address.usesTLS ? tls : nil)
        listener.expectsProxy = expectsProxy
        listener.access = access
        return listener
    }

    /// The name in `systemd:NAME`; nil after a fault.
    private func inheritedName(_ url: String, _ object: SettingsObject) -> String? {
        let name = String(url.dropFirst(8))
        // What systemd allows as FileDescriptorName=, less what nobody uses.
        let isSound =
            (1...255).contains(name.utf8.count)
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
        guard isSound else {
            object.fault(
                "url", "\(SettingsObject.shown(url)) names no socket",
                advice: "write systemd:NAME with the FileDescriptorName of the socket unit")
            return nil
        }
        return name
    }

    /// Decodes who may connect to a Unix socket.
    private func access(_ object: SettingsObject, isUnix: Bool) -> Settings.Access {
        var access = Settings.Access()
        if let text = object.text("mode") {
            access.mode = text.utf8.count <= 4 ? UInt32(text, radix: 8) : nil
            if access.mode == nil || text.hasPrefix("+") || access.mode ?? 0 > 0o777 {
                object.fault(
                    "mode", "\(SettingsObject.shown(text)) is no file mode",
                    advice: "write \"0660\" for owner and group")
            }
        }
        access.owner = account(object, "owner")
        access.group = account(object, "group")
        guard !isUnix else { return access }
        for key in ["mode", "owner", "group"] where object.has(key) {
            object.fault(key, "only unix listeners have this", advice: "remove it")
        }
        return Settings.Access()
    }

    private func account(_ object: SettingsObject, _ key: String) -> String? {
        guard let name = object.text(key) else { return nil }
        guard !name.isEmpty, name.utf8.count <= 256, !name.utf8.contains(0) else {
            object.fault(key, "\(SettingsObject.shown(name)) is no name", advice: nil)
            return nil
        }
        return name
    }

    /// Decodes how certificates are kept fresh.
    func upkeep(_ object: SettingsObject) -> Settings.TLSUpkeep {
        var upkeep = Settings.TLSUpkeep()
        upkeep.watchInterval =
            object.duration("watch_interval", in: .zero...Self.longest) ?? upkeep.watchInterval
        upkeep.ticketRotation =
            object.duration("ticket_rotation", in: .seconds(1)...Self.longest)
            ?? upkeep.ticketRotation
        object.finish()
        return upkeep
    }

    private func tls(
        _ object: SettingsObject, isHTTPS: Bool, _ isInherited: Bool
    ) -> Settings.TLSFiles? {
        var files = Settings.TLSFiles(certificates: [])
        if let pair = certificate(object, isRequired: false) { files.certificates = [pair] }
        if let list = object.list("certificates") {
            for element in list {
                if let pair = certificate(element, isRequired: true) {
                    files.certificates.append(pair)
                }
                element.finish()
            }
            if list.isEmpty {
                object.fault("certificates", "the list is empty", advice: "remove the key")
            }
        }
        files.clientAuthority = object.file("client_ca")
        let asked = object.choice("client_auth", of: Settings.TLSFiles.ClientAuthentication.self)
        files.clientAuthentication = asked ?? (files.clientAuthority == nil ? .none : .required)
        if let asked, asked != .none, !object.has("client_ca") {
            object.fault(
                "client_auth", "client certificates cannot be checked without client_ca",
                advice: "name the file of their authorities")
        }
        let keys = ["certificate", "key", "ocsp", "certificates", "client_ca", "client_auth"]
        // A socket of systemd's is encrypted if it has a certificate.
        guard isHTTPS || isInherited && keys.contains(where: object.has) else {
            if isInherited { return nil }
            for key in keys where object.has(key) {
                object.fault(
                    key, "only https listeners have this", advice: "write url: \"https://…\"")
            }
            return nil
        }
        if !object.has("certificate"), !object.has("certificates"), !object.has("key") {
            object.fault(
                nil, "\(isHTTPS ? "an https" : "a TLS") listener needs a certificate",
                advice: "add certificate: \"FILE\" and key: \"FILE\"")
        }
        return files
    }

    private func certificate(
        _ object: SettingsObject, isRequired: Bool
    ) -> Settings.TLSFiles.Certificate? {
        let certificate = object.file("certificate")
        let key = object.file("key")
        let ocsp = object.file("ocsp")
        for (name, other) in [("certificate", "key"), ("key", "certificate")]
        where !object.has(name) && (isRequired || object.has(other)) {
            object.fault(
                nil, "\(name) is missing", advice: "a certificate and its key come together")
        }
        guard let certificate, let key else { return nil }
        return Settings.TLSFiles.Certificate(certificate: certificate, key: key, ocsp: ocsp)
    }

    /// The address of `url`, which is the member `key` of `object`; nil after a fault.
    func address(
        _ url: String, _ object: SettingsObject, _ key: String,
        for use: SettingsAddress.Use = .listener
    ) -> SettingsAddress? {
        do {
            return try SettingsAddress(url, for: use, absolute: reading.absolute)
        } catch {
            object.fault(key, error.problem, advice: error.advice)
            return nil
        }
    }
}

extension Settings.Address {
    /// Whether the system is to pick a free port.
    var isAnyPort: Bool {
        guard case .tcp(_, let port) = self else { return false }
        return port == 0
    }
}
