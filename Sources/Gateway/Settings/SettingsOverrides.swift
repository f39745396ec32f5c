// SettingsOverrides: values from environment variables and the command line, laid over the file.
// The names of variables follow mechanically from the key paths: limits.body_size is
// SIGNALBOX_LIMITS_BODY_SIZE. There is no second list to forget.

/// Values that replace those of the file.
struct SettingsOverrides {
    /// Variables that are ours but no settings: where the file is, and what builds and tests use.
    static let otherVariables: Set<String> = [
        "SIGNALBOX_CONFIG", "SIGNALBOX_URL", "SIGNALBOX_BENCH", "SIGNALBOX_BIN",
    ]

    /// Whether an orchestrator sets `variable` for a service that happens to be called signalbox.
    private static func isServiceLink(_ variable: String) -> Bool {
        variable.hasPrefix("SIGNALBOX_SERVICE_") || variable == "SIGNALBOX_PORT"
            || variable.hasPrefix("SIGNALBOX_PORT_")
    }

    /// Beginning of the names of all our variables.
    static let prefix = "SIGNALBOX_"

    /// Deepest key path of an option.
    static let depthLimit = 16

    /// The places that were set, for faults.
    private(set) var origins: [SettingsReading.Origin] = []
    /// What is wrong with the overrides themselves.
    private(set) var faults: [SettingsFault] = []

    private let scalars: [String: SettingsReading.Scalar]

    /// Overrides for the fixed keys `scalars`, by dotted path.
    init(scalars: [String: SettingsReading.Scalar]) {
        self.scalars = scalars
    }

    /// The variable that sets the key `path`.
    static func variable(for path: String) -> String {
        prefix + path.replacing(".", with: "_").uppercased()
    }

    /// Lays the variables of `environment` over `tree`.
    mutating func apply(environment: [String: String], to tree: inout SettingValue) {
        var paths: [String: String] = [:]
        for path in scalars.keys { paths[Self.variable(for: path)] = path }
        for variable in environment.keys.sorted() where variable.hasPrefix(Self.prefix) {
            if Self.otherVariables.contains(variable) || Self.isServiceLink(variable) { continue }
            let source = "environment \(variable)"
            guard let path = paths[variable], let text = environment[variable] else {
                let known = Array(paths.keys) + Self.otherVariables
                faults.append(
                    SettingsFault(
                        source: source, problem: "no setting has this name",
                        advice: SettingsSuggestion.advice(for: variable, among: known)))
                continue
            }
            set(path, to: text, source: source, in: &tree)
        }
    }

    /// Lays options of the command line over `tree`.
    mutating func apply(_ overrides: [Settings.Override], to tree: inout SettingValue) {
        for override in overrides {
            set(override.key, to: override.value, source: "command line", in: &tree)
        }
    }

    private mutating func set(
        _ key: String, to text: String, source: String, in tree: inout SettingValue
    ) {
        let keys = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard keys.count <= Self.depthLimit, !keys.contains("") else {
            faults.append(
                SettingsFault(
                    source: source, problem: "\(SettingsObject.shown(key)) is no key path",
                    advice: "write keys with dots between them, e.g. log.level"))
            return
        }
        let path = keys.reduce(SettingPath()) { $0.member($1) }
        guard tree.set(value(of: text, for: key), at: keys[...]) else {
            faults.append(
                SettingsFault(
                    source: source, keyPath: path.description,
                    problem: "what stands above this key in the file is no object",
                    advice: "set the whole of it, as JSON"))
            return
        }
        origins.append(SettingsReading.Origin(path: path, source: source))
    }

    private func value(of text: String, for key: String) -> SettingValue {
        switch scalars[key] {
        case .flag:
            switch text.lowercased() {
            case "true", "1", "yes", "on": return .flag(true)
            case "false", "0", "no", "off": return .flag(false)
            default: return .text(text)
            }
        case .integer:
            return Int64(text).map { .integer($0) } ?? .text(text)
        case .text:
            return .text(text)
        case nil:
            // Anything else is JSON if it reads as JSON, and a string if not.
            let bytes = [UInt8](text.utf8)
            guard (try? SettingsLocator(bytes)) != nil else { return .text(text) }
            return (try? SettingValue.read(bytes)) ?? .text(text)
        }
    }
}
