// SettingsDecoder: from text to `Settings`. This file has the steps and the fixed parts of the
// configuration; listeners, modules and timers have files of their own. All faults are gathered in
// one pass; values that are wrong take their default so that the pass can go on.

import Bytes

/// Turns configuration text into `Settings`.
struct SettingsDecoder {
    /// The notebook of the pass.
    let reading: SettingsReading

    /// Longest duration taken anywhere: a year.
    static let longest = Duration.seconds(365 * 86_400)

    /// Reads `text`, lays `environment` and `overrides` over it and decodes the result.
    ///
    /// - Throws: all faults at once; of a broken syntax only the first one.
    static func decode(
        text: [UInt8], name: String, folder: String, environment: [String: String],
        overrides: [Settings.Override]
    ) throws(SettingsError) -> Settings {
        let (tree, locator) = try read(text, name: name)
        return try decode(
            tree, locator: locator, name: name, folder: folder, environment: environment,
            overrides: overrides)
    }

    /// Lays `environment` and `overrides` over `tree` and decodes the result.
    ///
    /// - Throws: all faults at once.
    static func decode(
        _ tree: SettingValue, locator: SettingsLocator, name: String, folder: String,
        environment: [String: String], overrides: [Settings.Override]
    ) throws(SettingsError) -> Settings {
        var tree = tree
        var laidOver = SettingsOverrides(scalars: fixedScalars())
        if case .object = tree {
            laidOver.apply(environment: environment, to: &tree)
            laidOver.apply(overrides, to: &tree)
        }
        let decoder = SettingsDecoder(
            reading: SettingsReading(
                name: name, folder: folder, locator: locator, origins: laidOver.origins))
        for duplicate in locator.duplicates {
            decoder.reading.fault(
                duplicate.path, line: duplicate.line,
                "this key stands twice, first on line \(duplicate.firstLine)",
                advice: "remove one")
        }
        let settings = decoder.settings(tree)
        let faults = (decoder.reading.error()?.faults ?? []) + laidOver.faults
        guard faults.isEmpty else { throw SettingsError(faults: faults) }
        return settings
    }

    /// The keys that an empty configuration is asked for: all those at fixed places.
    ///
    /// Reading nothing is how the decoder tells which variables there are.
    static func fixedScalars() -> [String: SettingsReading.Scalar] {
        let reading = SettingsReading(
            name: "", folder: "/", locator: SettingsLocator(), origins: [])
        _ = SettingsDecoder(reading: reading).settings(.null)
        return reading.scalars
    }

    /// Decodes the whole tree.
    func settings(_ tree: SettingValue) -> Settings {
        let top = SettingsObject(tree, at: SettingPath(), pattern: "", reading)
        var settings = Settings()
        // For editors: where the schema of the file is.
        _ = top.text("$schema")
        // The only version there is; a later one will be refused by older programs.
        _ = top.integer("version", in: 1...1)
        settings.basePath = basePath(top) ?? settings.basePath
        settings.loops = top.integer("loops", in: 1...256)
        settings.allowsAnonymous = top.flag("allow_anonymous", default: settings.allowsAnonymous)
        settings.listeners = listeners(top, allowsAnonymous: settings.allowsAnonymous)
        settings.tls = upkeep(top.object("tls"))
        settings.limits = limits(top.object("limits"))
        settings.log = log(top.object("log"))
        settings.modules = modules(top)
        settings.signals = signals(top.object("signals"))
        settings.jobs = jobs(top.object("jobs"))
        settings.timers = timers(top, modules: settings.modules)
        settings.sources = sources(top, allowsAnonymous: settings.allowsAnonymous)
        settings.reactions = reactions(top, modules: settings.modules)
        settings.state = top.file("state")
        if settings.state == nil, let rule = settings.signals.rules.first(where: \.durable) {
            top.fault(
                nil, "signals.\(rule.pattern) is durable, but there is no state to keep it in",
                advice: "add state: \"/var/lib/signalbox\"")
        }
        top.finish()
        return settings
    }

    private static func read(
        _ text: [UInt8], name: String
    ) throws(SettingsError) -> (SettingValue, SettingsLocator) {
        func refuse(_ line: Int?, _ path: SettingPath, _ problem: String, _ advice: String?)
            -> SettingsError
        {
            SettingsError(faults: [
                SettingsFault(
                    source: name, line: line, keyPath: path.description, problem: problem,
                    advice: advice)
            ])
        }
        if let line = lineOfBrokenUTF8(text) {
            throw refuse(line, SettingPath(), "the text is not UTF-8", "save the file as UTF-8")
        }
        let locator: SettingsLocator
        do {
            locator = try SettingsLocator(text)
        } catch {
            throw refuse(error.line, SettingPath(), error.problem, error.advice)
        }
        do {
            return (try SettingValue.read(text), locator)
        } catch DecodingError.dataCorrupted(let context) {
            let path = context.codingPath.reduce(SettingPath()) { path, key in
                key.intValue.map(path.element) ?? path.member(key.stringValue)
            }
            throw refuse(
                locator.line(of: path), path,
                "this is neither a number in range nor a sound string",
                nil)
        } catch {
            throw refuse(nil, SettingPath(), "the text cannot be read as JSON5", nil)
        }
    }

    private static func lineOfBrokenUTF8(_ text: [UInt8]) -> Int? {
        guard String(validating: text, as: UTF8.self) == nil else { return nil }
        var start = 0
        var line = 1
        for index in text.indices where text[index] == 0x0A {
            if String(validating: text[start..<index], as: UTF8.self) == nil { break }
            start = index + 1
            line += 1
        }
        return line
    }
}

// MARK: - The fixed parts

extension SettingsDecoder {
    private func basePath(_ top: SettingsObject) -> String? {
        guard let path = top.text("base_path") else { return nil }
        if path.isEmpty { return path }
        // RFC 3986 §3.3 less the characters that need encoding or mean something to a route.
        let isPlain = path.utf8.allSatisfy { byte in
            ASCII.isDigit(byte) || ASCII.isLetter(byte) || "-._~/".utf8.contains(byte)
        }
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isSound = segments.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        guard path.hasPrefix("/"), isPlain, isSound else {
            top.fault(
                "base_path", "\(SettingsObject.shown(path)) is no base path",
                advice: "write \"\" or \"/prefix\", without a slash at the end")
            return nil
        }
        return path
    }

    private func limits(_ object: SettingsObject) -> Settings.Limits {
        var limits = Settings.Limits()
        func size(_ key: String, _ least: Int, _ most: Int, _ value: inout Int) {
            value = object.size(key, in: least...most) ?? value
        }
        func count(_ key: String, _ most: Int, _ value: inout Int) {
            value = object.integer(key, in: 1...most) ?? value
        }
        func time(_ key: String, _ value: inout Duration) {
            value = object.duration(key, in: .milliseconds(1)...Self.longest) ?? value
        }
        size("head_size", 256, 1 << 20, &limits.headSize)
        size("target_size", 64, 1 << 20, &limits.targetSize)
        count("header_fields", 10_000, &limits.headerFields)
        size("body_size", 0, 1 << 40, &limits.bodySize)
        count("json_depth", 1_000, &limits.jsonDepth)
        time("head_timeout", &limits.headTimeout)
        time("body_timeout", &limits.bodyTimeout)
        time("handshake_timeout", &limits.handshakeTimeout)
        time("idle_timeout", &limits.idleTimeout)
        time("write_timeout", &limits.writeTimeout)
        time("half_close_timeout", &limits.halfCloseTimeout)
        time("call_timeout", &limits.callTimeout)
        limits.drainTimeout =
            object.duration("drain_timeout", in: .zero...Self.longest) ?? limits.drainTimeout
        count("connections", 10_000_000, &limits.connections)
        limits.connectionsPerAddress = max(1, limits.connections / 2)
        count("connections_per_address", 10_000_000, &limits.connectionsPerAddress)
        count("pipelined_requests", 10_000, &limits.pipelinedRequests)
        size("stream_buffer", 4 << 10, 1 << 30, &limits.streamBuffer)
        // A short head keeps the default target short as well.
        if !object.has("target_size") {
            limits.targetSize = min(limits.targetSize, limits.headSize)
        }
        if limits.targetSize > limits.headSize {
            object.fault(
                "target_size", "the target cannot be longer than the head it stands in",
                advice: "raise limits.head_size above \(SettingUnits.text(size: limits.targetSize))"
            )
        }
        object.finish()
        return limits
    }

    private func log(_ object: SettingsObject) -> Settings.Log {
        var log = Settings.Log()
        log.level = object.choice("level", of: Settings.Log.Level.self) ?? log.level
        log.format = object.choice("format", of: Settings.Log.Format.self) ?? log.format
        log.access = object.flag("access", default: log.access)
        log.file = object.file("file")
        object.finish()
        return log
    }

    private func signals(_ object: SettingsObject) -> Settings.Signals {
        var signals = Settings.Signals()
        history(object.object("history"), &signals.history)
        history(object.object("durable_history"), &signals.durableHistory)
        signals.heartbeat =
            object.duration("heartbeat", in: .seconds(1)...Self.longest) ?? signals.heartbeat
        signals.retry =
            object.duration("retry", in: .milliseconds(1)...Self.longest) ?? signals.retry
        signals.subscriptions =
            object.integer("subscriptions", in: 0...10_000_000) ?? signals.subscriptions
        signals.eventSize = object.size("event_size", in: 1...1 << 30) ?? signals.eventSize
        // What has a dot or a star is the name of signals, not of a setting; `rules` takes the others.
        let rules =
            object.objects { $0.contains(".") || $0.contains("*") } + object.objects("rules")
        signals.rules = rules.map(rule)
        object.finish()
        return signals
    }

    private func history(_ object: SettingsObject, _ history: inout Settings.Signals.History) {
        history.events = object.integer("events", in: 0...10_000_000) ?? history.events
        history.size = object.size("size", in: 0...1 << 40) ?? history.size
        history.age = object.duration("age", in: .milliseconds(1)...Self.longest)
        object.finish()
    }

    private func rule(_ pattern: String, _ object: SettingsObject) -> Settings.Signals.Rule {
        if let problem = SettingNames.problem(ofSignalPattern: pattern) {
            object.fault(nil, problem)
        } else if SignalPattern(pattern) == nil {
            object.fault(nil, "a star stands at the end of a pattern")
        }
        var rule = Settings.Signals.Rule(pattern: pattern)
        rule.latest = object.flag("latest", default: false)
        rule.durable = object.flag("durable", default: false)
        rule.events = object.integer("events", in: 0...10_000_000)
        rule.size = object.size("size", in: 0...1 << 40)
        rule.age = object.duration("age", in: .milliseconds(1)...Self.longest)
        object.finish()
        return rule
    }
}
