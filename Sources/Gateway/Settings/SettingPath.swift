// SettingPath: the place of a value in the configuration tree. Its text form is what faults show.

import Bytes

/// Where a value stands in the configuration, such as `modules.host.command[0]`.
struct SettingPath: Hashable, CustomStringConvertible {
    /// One step down the tree.
    enum Step: Hashable {
        case key(String)
        case index(Int)
    }

    /// The steps from the top; empty for the whole document.
    private(set) var steps: [Step] = []

    /// The path of the member `name` of the object at this path.
    func member(_ name: String) -> SettingPath {
        var path = self
        path.steps.append(.key(name))
        return path
    }

    /// The path of element `index` of the list at this path.
    func element(_ index: Int) -> SettingPath {
        var path = self
        path.steps.append(.index(index))
        return path
    }

    /// Whether this path is `other` or leads to it.
    func leads(to other: SettingPath) -> Bool {
        other.steps.starts(with: steps)
    }

    /// The path with dots and brackets; keys that are no plain words are quoted and escaped.
    var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .key(let name):
                if !text.isEmpty { text += "." }
                text += Self.isPlain(name) ? name : name.debugDescription
            case .index(let index):
                text += "[\(index)]"
            }
        }
        return text
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                ASCII.isDigit(byte) || ASCII.isLetter(byte) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            }
    }
}
