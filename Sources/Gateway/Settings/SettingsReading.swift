// SettingsReading: what one pass over a configuration gathers besides the values: every fault, and
// every key that was asked for. The asked-for keys are the only list of keys there is: unknown keys,
// suggestions, the names of environment variables and the test of the schema all come from it.

/// The notebook of one pass over a configuration.
final class SettingsReading {
    /// How the text of a variable or an option becomes the value of a key.
    enum Scalar: Equatable {
        case flag
        case integer
        case text
    }

    /// The text that a value was set with outside of the file.
    struct Origin {
        var path: SettingPath
        /// As faults name it, such as `environment SIGNALBOX_LOG_LEVEL`.
        var source: String
    }

    /// Name of the file as faults show it.
    let name: String
    /// Folder against which relative paths resolve, absolute.
    let folder: String
    /// Places in the file.
    let locator: SettingsLocator
    /// Values that came from elsewhere.
    let origins: [Origin]

    /// Faults so far.
    private(set) var faults: [SettingsFault] = []
    /// All keys asked for so far, as dotted patterns with `*` for names that users choose.
    private(set) var knownKeys: Set<String> = []
    /// Those of them that hold one plain value and stand at a fixed place.
    private(set) var scalars: [String: Scalar] = [:]

    /// Starts a notebook.
    init(name: String, folder: String, locator: SettingsLocator, origins: [Origin]) {
        self.name = name
        self.folder = folder
        self.locator = locator
        self.origins = origins
    }

    /// Notes that `pattern` is a key.
    func know(_ pattern: String, as scalar: Scalar?) {
        knownKeys.insert(pattern)
        if let scalar, !pattern.contains(where: { "*[$".contains($0) }) {
            scalars[pattern] = scalar
        }
    }

    /// Notes a fault of the value at `path`; `line` is given where the text has it twice.
    func fault(
        _ path: SettingPath, line: Int? = nil, _ problem: String, advice: String? = nil
    ) {
        // An override may set a whole object: then what lies below came from there, too.
        let origin = origins.last { $0.path.leads(to: path) }
        faults.append(
            SettingsFault(
                source: origin?.source ?? name,
                line: origin == nil ? line ?? locator.line(of: path) : nil,
                keyPath: path.description, problem: problem, advice: advice))
    }

    /// The faults, those of the file by line, then the others; nil if there are none.
    func error() -> SettingsError? {
        guard !faults.isEmpty else { return nil }
        let ordered = faults.enumerated().sorted { one, other in
            let oneLine = one.element.line ?? Int.max
            let otherLine = other.element.line ?? Int.max
            return oneLine == otherLine ? one.offset < other.offset : oneLine < otherLine
        }
        return SettingsError(faults: ordered.map(\.element))
    }

    /// `path` made absolute: relative ones start at the folder of the file.
    func absolute(_ path: String) -> String {
        SettingsFile.absolute(path, in: folder)
    }
}
