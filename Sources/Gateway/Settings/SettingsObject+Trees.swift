// SettingsObject+Trees: the getters for what has parts: objects, maps by name, lists, and JSON that
// is kept as bytes.

import Bytes

extension SettingsObject {
    /// The object `key`; an empty one if absent.
    func object(_ key: String) -> SettingsObject {
        SettingsObject(
            value(key) ?? .null, at: path.member(key), pattern: extended(key), reading)
    }

    /// The object `key`, or nil if absent.
    func optionalObject(_ key: String) -> SettingsObject? {
        value(key).map {
            SettingsObject($0, at: path.member(key), pattern: extended(key), reading)
        }
    }

    /// The values by name of the object `key`, in the order of the file.
    func map(_ key: String) -> [(name: String, value: SettingValue)] {
        switch value(key) {
        case nil: return []
        case .object(let members)?:
            let place = path.member(key)
            return members.map { (name: $0.key, value: $0.value) }
                .sorted { reading.locator.precedes(place.member($0.name), place.member($1.name)) }
        case let other?:
            fault(key, "expected an object, found \(other.kind)")
            return []
        }
    }

    /// The objects by name of the object `key`, in the order of the file.
    func objects(_ key: String) -> [(name: String, object: SettingsObject)] {
        map(key).map { name, value in
            let place = path.member(key).member(name)
            return (name, SettingsObject(value, at: place, pattern: extended("\(key).*"), reading))
        }
    }

    /// The objects of the list `key`, or nil if absent.
    func list(_ key: String) -> [SettingsObject]? {
        switch value(key) {
        case nil: return nil
        case .list(let elements)?:
            return elements.enumerated().map { index, value in
                let place = path.member(key).element(index)
                return SettingsObject(value, at: place, pattern: extended("\(key)[]"), reading)
            }
        case let other?:
            fault(key, "expected a list, found \(other.kind)")
            return nil
        }
    }

    /// The strings of the list `key`, or nil if absent.
    func texts(_ key: String) -> [String]? {
        guard let value = value(key) else { return nil }
        guard case .list(let elements) = value else {
            fault(key, "expected a list of strings, found \(value.kind)")
            return nil
        }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            if case .text(let text) = element {
                texts.append(text)
            } else {
                reading.fault(
                    path.member(key).element(index), "expected a string, found \(element.kind)")
            }
        }
        return texts
    }

    /// The strings by name of the object `key`.
    func textMap(_ key: String) -> [String: String] {
        var texts: [String: String] = [:]
        for (name, value) in map(key) {
            if case .text(let text) = value {
                texts[name] = text
            } else {
                reading.fault(
                    path.member(key).member(name), "expected a string, found \(value.kind)")
            }
        }
        return texts
    }

    /// The value of `key`, null included, as compact JSON; nil if absent.
    func json(_ key: String) -> [UInt8]? {
        _ = value(key)
        return stored(key).map { compact($0, at: path.member(key)) }
    }

    /// `value`, which stands at `place`, as compact JSON.
    func compact(_ value: SettingValue, at place: SettingPath) -> [UInt8] {
        var buffer = ByteBuffer()
        let bad = value.append(to: &buffer, at: place, precedes: reading.locator.precedes)
        if let bad { reading.fault(bad, "JSON has no such number", advice: "write null") }
        return buffer.array()
    }
}
