// SettingsObject: typed access to one object of the configuration. Each getter names the key it
// wants, takes it in the right type and range, and otherwise notes a fault and goes on with the
// default, so that one pass finds everything that is wrong.

/// One object of the configuration, read key by key.
final class SettingsObject {
    /// Where the object stands.
    let path: SettingPath
    /// The notebook of the pass.
    let reading: SettingsReading

    /// The path as a pattern, with `*` for names that users choose and `[]` for elements.
    private let pattern: String
    private let members: [String: SettingValue]
    private var asked: Set<String> = []

    /// Reads `value`, which should be an object or absent.
    ///
    /// - Parameter pattern: the path as a pattern, with `*` for names that users choose.
    init(_ value: SettingValue, at path: SettingPath, pattern: String, _ reading: SettingsReading) {
        self.path = path
        self.reading = reading
        self.pattern = pattern
        switch value {
        case .object(let present): members = present
        case .null: members = [:]
        case .flag, .integer, .number, .text, .list:
            members = [:]
            reading.fault(path, "expected an object, found \(value.kind)")
        }
    }

    /// Whether the object has `key`, null apart.
    func has(_ key: String) -> Bool {
        members[key].map { $0 != .null } ?? false
    }

    /// Notes a fault of the member `key`, or of the object itself.
    func fault(_ key: String?, _ problem: String, advice: String? = nil) {
        reading.fault(key.map(path.member) ?? path, problem, advice: advice)
    }

    /// The one of `keys` that the object has; after a fault, nil.
    func exactlyOne(of keys: [String], _ purpose: String) -> String? {
        let present = keys.filter(has)
        if present.count == 1 { return present[0] }
        let choice = keys.dropLast().joined(separator: ", ") + " or " + (keys.last ?? "")
        if present.isEmpty {
            fault(nil, "nothing says \(purpose)", advice: "add \(choice)")
        } else {
            fault(
                present[1], "\(present.joined(separator: " and ")) exclude each other",
                advice: "keep one of \(choice)")
        }
        return nil
    }

    /// Notes a fault for each key that nobody asked for.
    ///
    /// - Parameter guessing: whether only keys that are near a known one are faults, because what
    ///   the object is could not be told.
    func finish(guessing: Bool = false) {
        for key in members.keys.sorted() where !asked.contains(key) {
            if guessing, SettingsSuggestion.nearest(to: key, among: asked) == nil { continue }
            fault(
                key, "unknown key",
                advice: SettingsSuggestion.advice(for: key, among: asked.sorted()))
        }
    }

    /// The objects whose key `isWanted`, in the order of the file.
    func objects(
        where isWanted: (String) -> Bool
    ) -> [(name: String, object: SettingsObject)] {
        members.keys.filter(isWanted)
            .sorted { reading.locator.precedes(path.member($0), path.member($1)) }
            .compactMap { key in
                asked.insert(key)
                guard let value = members[key], value != .null else { return nil }
                let inner = SettingsObject(
                    value, at: path.member(key), pattern: extended("*"), reading)
                return (key, inner)
            }
    }

    /// The value of `key`; nil if absent or null.
    ///
    /// Anything else is the caller's to judge.
    func value(_ key: String, as scalar: SettingsReading.Scalar? = nil) -> SettingValue? {
        asked.insert(key)
        reading.know(extended(key), as: scalar)
        guard let value = members[key], value != .null else { return nil }
        return value
    }

    /// The value of `key` as it stands, null included.
    func stored(_ key: String) -> SettingValue? { members[key] }

    /// The pattern of the member `key`.
    func extended(_ key: String) -> String { pattern.isEmpty ? key : "\(pattern).\(key)" }

    private func mismatch(_ key: String, _ expected: String, _ found: SettingValue) {
        fault(key, "expected \(expected), found \(found.kind)")
    }
}

// MARK: - Scalars

extension SettingsObject {
    /// True or false.
    func flag(_ key: String, default absent: Bool) -> Bool {
        switch value(key, as: .flag) {
        case nil: return absent
        case .flag(let flag)?: return flag
        case let other?:
            mismatch(key, "true or false", other)
            return absent
        }
    }

    /// A whole number within `range`, or nil.
    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        switch value(key, as: .integer) {
        case nil: return nil
        case .integer(let integer)?:
            if range.contains(Int(integer)) { return Int(integer) }
            fault(key, "\(integer) is out of range", advice: Self.between(range) { "\($0)" })
            return nil
        case let other?:
            mismatch(key, "a whole number", other)
            return nil
        }
    }

    /// A size in bytes within `range`, given as a number or with a unit; or nil.
    func size(_ key: String, in range: ClosedRange<Int>) -> Int? {
        let bytes: Int
        switch value(key, as: .text) {
        case nil: return nil
        case .integer(let integer)?: bytes = Int(integer)
        case .text(let text)?:
            guard let parsed = SettingUnits.size(text) else {
                fault(
                    key, "\(Self.shown(text)) is no size",
                    advice: "write \"512\", \"16KiB\" or \"1MB\"")
                return nil
            }
            bytes = parsed
        case let other?:
            mismatch(key, "a size such as \"16KiB\"", other)
            return nil
        }
        guard range.contains(bytes) else {
            fault(
                key, "\(SettingUnits.text(size: bytes)) is out of range",
                advice: Self.between(range) { SettingUnits.text(size: $0) })
            return nil
        }
        return bytes
    }

    /// A duration within `range`, or nil.
    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        switch value(key, as: .text) {
        case nil: return nil
        case .text(let text)?:
            guard let duration = SettingUnits.duration(text) else {
                fault(
                    key, "\(Self.shown(text)) is no duration",
                    advice: "write \"250ms\", \"1.5s\", \"5m\", \"1h\" or \"2d\"")
                return nil
            }
            if range.contains(duration) { return duration }
            fault(
                key, "\(SettingUnits.text(duration)) is out of range",
                advice: Self.between(range) { SettingUnits.text($0) })
            return nil
        case .integer(let number)?:
            fault(key, "a duration needs a unit", advice: "write \"\(number)s\" for seconds")
            return nil
        case let other?:
            mismatch(key, "a duration such as \"10s\"", other)
            return nil
        }
    }

    /// A string, or nil.
    func text(_ key: String) -> String? {
        switch value(key, as: .text) {
        case nil: return nil
        case .text(let text)?: return text
        case let other?:
            mismatch(key, "a string", other)
            return nil
        }
    }

    /// The absolute path of a file or folder, or nil.
    func file(_ key: String) -> String? {
        guard let text = text(key) else { return nil }
        if let problem = SettingsFile.problem(ofPath: text) {
            fault(key, problem)
            return nil
        }
        return reading.absolute(text)
    }

    /// One of the words of `Choice`, or nil.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, of type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let text = text(key) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let words = Choice.allCases.map(\.rawValue)
        let nearest = SettingsSuggestion.nearest(to: text, among: words)
        fault(
            key, "unknown value \(Self.shown(text))",
            advice: nearest.map { "did you mean \"\($0)\"?" }
                ?? "one of \(words.joined(separator: ", "))")
        return nil
    }

    /// `text` in quotes, escaped and cut where it is long.
    static func shown(_ text: String) -> String {
        text.count > 60 ? "\(text.prefix(60))…".debugDescription : text.debugDescription
    }

    private static func between<Bound>(
        _ range: ClosedRange<Bound>, _ show: (Bound) -> String
    ) -> String {
        "from \(show(range.lowerBound)) to \(show(range.upperBound))"
    }
}
