// What is wrong with a configuration, in the words an operator reads. Every fault says where (file
// and line, environment variable or command line), which key, what is wrong and what to do.
// Finding faults is the business of SettingsDecoder and its friends.

/// One thing that is wrong with the configuration.
public struct SettingsFault: Sendable, Hashable, CustomStringConvertible {
    /// Where the value came from: a file name, `environment SIGNALBOX_…` or `command line`.
    public var source: String

    /// The line in the file, counted from 1; nil where there is none.
    public var line: Int?

    /// The key path, such as `modules.host.command[0]`; empty when the whole source is meant.
    public var keyPath: String

    /// What is wrong, without a full stop.
    public var problem: String

    /// What to do about it, if there is more to say.
    public var advice: String?

    /// Makes a fault.
    public init(
        source: String, line: Int? = nil, keyPath: String = "", problem: String,
        advice: String? = nil
    ) {
        self.source = source
        self.line = line
        self.keyPath = keyPath
        self.problem = problem
        self.advice = advice
    }

    /// The fault on one line: `FILE:LINE: KEY: PROBLEM; ADVICE`.
    public var description: String {
        var text = source
        if let line { text += ":\(line)" }
        text += ": "
        if !keyPath.isEmpty { text += "\(keyPath): " }
        text += problem
        if let advice { text += "; \(advice)" }
        return text
    }
}

/// Why a configuration was refused: all its faults at once, in the order of the file.
public struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The faults; never empty.
    public let faults: [SettingsFault]

    /// Makes an error of `faults`, which are shown in the given order.
    public init(faults: [SettingsFault]) {
        self.faults = faults
    }

    /// All faults, one per line.
    public var description: String {
        faults.map(\.description).joined(separator: "\n")
    }
}
