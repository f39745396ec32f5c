// The files in config/ against the decoder: the demo is a sound configuration, with and without
// what is commented out, and the schema has the same keys and defaults as the decoder.

import Foundation
import Testing

@testable import Gateway

struct SettingsSchemaTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "config").path()

    private func file(_ name: String) throws -> Data {
        try #require(FileManager.default.contents(atPath: "\(Self.folder)/\(name)"))
    }

    private func schema() throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: file("signalbox.schema.json")) as? [String: Any])
    }

    /// The keys of `node`, with `*` for any name and `[]` for any element, and their defaults.
    private func keys(
        of node: [String: Any], at path: String, in root: [String: Any]
    ) -> [String: [String: Any]] {
        var node = node
        if let reference = node["$ref"] as? String,
            let name = reference.split(separator: "/").last,
            let target = (root["$defs"] as? [String: Any])?[String(name)] as? [String: Any]
        {
            node = target
        }
        var found: [String: [String: Any]] = [:]
        for (key, child) in node["properties"] as? [String: [String: Any]] ?? [:] {
            let place = path.isEmpty ? key : "\(path).\(key)"
            found[place] = child
            found.merge(keys(of: child, at: place, in: root)) { first, _ in first }
        }
        if let child = node["additionalProperties"] as? [String: Any] {
            found.merge(keys(of: child, at: "\(path).*", in: root)) { first, _ in first }
        }
        if let child = node["items"] as? [String: Any] {
            found.merge(keys(of: child, at: "\(path)[]", in: root)) { first, _ in first }
        }
        return found
    }

    @Test func `the schema has the keys of the decoder`() throws {
        let locator = try SettingsLocator([UInt8](everything.utf8))
        let reading = SettingsReading(name: "f", folder: "/", locator: locator, origins: [])
        _ = SettingsDecoder(reading: reading).settings(
            try SettingValue.read([UInt8](everything.utf8)))
        #expect(reading.error() == nil)
        let root = try schema()
        let described = Set(keys(of: root, at: "", in: root).keys)
        #expect(reading.knownKeys.subtracting(described) == [], "not in the schema")
        #expect(described.subtracting(reading.knownKeys) == [], "only in the schema")
    }

    @Test func `every key of the schema is described`() throws {
        let root = try schema()
        for (key, node) in keys(of: root, at: "", in: root) {
            #expect(node["description"] is String, "\(key)")
        }
    }

    @Test func `the defaults of the schema are those of the decoder`() throws {
        let root = try schema()
        var environment: [String: String] = [:]
        for (key, node) in keys(of: root, at: "", in: root) {
            guard SettingsDecoder.fixedScalars()[key] != nil, let value = node["default"] else {
                continue
            }
            if value is NSNull { continue }
            // Numbers and booleans are alike here: variables take 1 and 0 for true and false.
            environment[SettingsOverrides.variable(for: key)] = "\(value)"
        }
        #expect(environment.count > 20)
        #expect(try settings("{}", environment: environment) == Settings())
    }

    @Test func `the demo configuration is sound`() throws {
        let settings = try Settings.load(
            file: "\(Self.folder)/signalbox.json5", environment: [:])
        #expect(
            settings.listeners.map(\.url) == ["http://localhost:8080", "https://localhost:8443"])
        #expect(settings.modules.map(\.name) == ["host"])
        let commands = settings.modules[0].commands
        #expect(commands.map(\.name) == ["load", "memory", "disk", "processes"])
        #expect(commands.filter { !$0.isSafe } == [])
        #expect(
            settings.timers == [
                Settings.Timer(
                    name: "tick", schedule: .every(.seconds(1)),
                    action: .emit(
                        signal: "demo.tick", data: [UInt8](#"{"from":"timer"}"#.utf8)))
            ])
        var plain = settings
        plain.listeners = Settings().listeners
        plain.modules = []
        plain.timers = []
        #expect(plain == Settings())
    }

    @Test func `what the demo has commented out is sound, and its defaults are true`() throws {
        let text = String(decoding: try file("signalbox.json5"), as: UTF8.self)
        // Prose begins with a space and a capital; settings begin with a key or a bracket.
        let uncommented = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { line in
                guard let match = line.firstMatch(of: /^( *)\/\/ *[a-z"{}\[\]]/),
                    line.contains(/^ *\/\/ {0,12}(?:[a-z_]+: |[{}\[\]])/)
                else { return String(line) }
                return String(match.1) + line.dropFirst(match.1.count + 2)
            }
            .joined(separator: "\n")
        let settings = try Settings.parse(
            text: uncommented, name: "uncommented", folder: Self.folder)
        #expect(settings.loops == 2)
        #expect(settings.limits == Settings.Limits())
        #expect(settings.jobs == Settings.Jobs())
        #expect(settings.log == Settings.Log())
        var signals = settings.signals
        #expect(signals.history.age == .seconds(3_600))
        signals.history.age = nil
        #expect(signals == Settings.Signals())
        #expect(settings.modules.map(\.name) == ["host", "time", "df", "api", "demo", "echo"])
        guard case .process(var process) = settings.modules[0].kind else {
            Issue.record("host is no process")
            return
        }
        #expect(process.idleTimeout == .seconds(600) && process.start == .eager)
        #expect(process.maxLife == .seconds(86_400))
        process.idleTimeout = nil
        process.maxLife = nil
        process.start = .lazy
        process.child.environment = [:]
        #expect(
            process
                == Settings.ProcessModule(
                    command: process.command, directory: process.child.directory))
        #expect(settings.modules[0].signals == ["host.**"])
    }
}
