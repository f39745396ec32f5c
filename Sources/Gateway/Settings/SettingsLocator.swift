// SettingsLocator: finds the line of each key in JSON5 text, and what JSONDecoder keeps to itself:
// where the syntax breaks, which keys stand twice, and in which order members were written.
//
// It walks the tokens with a stack of its own, so that nesting costs no call stack.

/// The places of all values in a JSON5 text.
struct SettingsLocator {
    /// A key that stands twice in one object.
    struct Duplicate: Equatable {
        var path: SettingPath
        var firstLine: Int
        var line: Int
    }

    /// Deepest nesting taken.
    ///
    /// The deepest sensible file, a JSON Schema in a command, needs 20.
    static let depthLimit = 64

    /// The keys that stand twice, in the order of the text.
    private(set) var duplicates: [Duplicate] = []

    private struct Place: Hashable {
        var parent: Int
        var step: SettingPath.Step
    }

    private struct Frame {
        var node: Int
        var isObject: Bool
        var line: Int
        var path: SettingPath
        var elementCount = 0
    }

    private enum Expectation {
        case value
        case valueOrClose
        case keyOrClose
        case commaOrClose
        case end
    }

    // Nodes are numbered in the order of the text; node 0 is the whole document.
    private var lines: [Int] = []
    private var nodes: [Place: Int] = [:]
    private var stack: [Frame] = []

    /// Knows no places: for settings that come from no text.
    init() {}

    /// Walks `text`.
    ///
    /// - Throws: the first fault of its syntax.
    init(_ text: [UInt8]) throws(SyntaxFault) {
        var tokens = SettingsTokens(text)
        lines = [1]
        var expectation = Expectation.value
        var current = 0
        var currentPath = SettingPath()
        while true {
            let token = try tokens.next()
            switch (expectation, token) {
            case (.end, .end):
                return
            case (.end, _):
                throw SyntaxFault(
                    line: tokens.line, problem: "text after the end of the configuration",
                    advice: "the whole file is one { … }")
            case (.keyOrClose, .string), (.keyOrClose, .word):
                (current, currentPath) = try enterMember(token, &tokens)
                expectation = .value
            case (.keyOrClose, .punctuation(UInt8(ascii: "}"))),
                (.commaOrClose, .punctuation(UInt8(ascii: "}"))),
                (.commaOrClose, .punctuation(UInt8(ascii: "]"))),
                (.valueOrClose, .punctuation(UInt8(ascii: "]"))):
                expectation = try close(token, tokens)
            case (.commaOrClose, .punctuation(UInt8(ascii: ","))):
                expectation = stack.last?.isObject == true ? .keyOrClose : .valueOrClose
            case (.value, _), (.valueOrClose, _):
                if expectation == .valueOrClose { (current, currentPath) = enterElement(tokens) }
                expectation = try take(token, tokens, node: current, path: currentPath)
            case (.keyOrClose, _), (.commaOrClose, _):
                throw unexpected(token, tokens, expectation)
            }
        }
    }

    /// The line of the value at `path`, or of the nearest value around it; nil without a text.
    func line(of path: SettingPath) -> Int? {
        guard !lines.isEmpty else { return nil }
        var node = 0
        for step in path.steps {
            guard let next = nodes[Place(parent: node, step: step)] else { break }
            node = next
        }
        return lines[node]
    }

    /// Whether the value at `first` was written before the one at `second`; by name where the
    /// text has neither.
    func precedes(_ first: SettingPath, _ second: SettingPath) -> Bool {
        switch (node(of: first), node(of: second)) {
        case (let one?, let other?): one < other
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): first.description < second.description
        }
    }

    private func node(of path: SettingPath) -> Int? {
        var node = 0
        for step in path.steps {
            guard let next = nodes[Place(parent: node, step: step)] else { return nil }
            node = next
        }
        return node
    }
}

// MARK: - The walk

extension SettingsLocator {
    private mutating func enterMember(
        _ token: SettingsTokens.Kind, _ tokens: inout SettingsTokens
    ) throws(SyntaxFault) -> (Int, SettingPath) {
        guard let frame = stack.last else { preconditionFailure("a key outside an object") }
        let line = tokens.line
        let name = try SettingsWord.key(token, tokens)
        guard try tokens.next() == .punctuation(UInt8(ascii: ":")) else {
            throw SyntaxFault(
                line: tokens.line, problem: "expected \":\" after the key \(name.debugDescription)",
                advice: nil)
        }
        let place = Place(parent: frame.node, step: .key(name))
        let path = frame.path.member(name)
        if let first = nodes[place] {
            duplicates.append(Duplicate(path: path, firstLine: lines[first], line: line))
        }
        return (add(place, line: line), path)
    }

    private mutating func enterElement(_ tokens: SettingsTokens) -> (Int, SettingPath) {
        guard var frame = stack.popLast() else { preconditionFailure("an element outside a list") }
        let index = frame.elementCount
        frame.elementCount += 1
        stack.append(frame)
        let place = Place(parent: frame.node, step: .index(index))
        return (add(place, line: tokens.line), frame.path.element(index))
    }

    private mutating func add(_ place: Place, line: Int) -> Int {
        let node = lines.count
        lines.append(line)
        // Of a key that stands twice JSONDecoder takes the first value, so that one is found.
        if nodes[place] == nil { nodes[place] = node }
        return node
    }

    private mutating func take(
        _ token: SettingsTokens.Kind, _ tokens: SettingsTokens, node: Int, path: SettingPath
    ) throws(SyntaxFault) -> Expectation {
        switch token {
        case .punctuation(UInt8(ascii: "{")), .punctuation(UInt8(ascii: "[")):
            guard stack.count < Self.depthLimit else {
                throw SyntaxFault(
                    line: tokens.line, problem: "nested deeper than \(Self.depthLimit) levels",
                    advice: nil)
            }
            let isObject = token == .punctuation(UInt8(ascii: "{"))
            stack.append(Frame(node: node, isObject: isObject, line: tokens.line, path: path))
            return isObject ? .keyOrClose : .valueOrClose
        case .string:
            return stack.isEmpty ? .end : .commaOrClose
        case .word(let range):
            try SettingsWord.checkValue(tokens.string(range), line: tokens.line)
            return stack.isEmpty ? .end : .commaOrClose
        case .punctuation, .end:
            throw unexpected(token, tokens, .value)
        }
    }

    private mutating func close(
        _ token: SettingsTokens.Kind, _ tokens: SettingsTokens
    ) throws(SyntaxFault) -> Expectation {
        let closesObject = token == .punctuation(UInt8(ascii: "}"))
        guard let frame = stack.popLast(), frame.isObject == closesObject else {
            throw SyntaxFault(
                line: tokens.line,
                problem: closesObject ? "\"}\" closes a list" : "\"]\" closes an object",
                advice: closesObject ? "lists end with \"]\"" : "objects end with \"}\"")
        }
        return stack.isEmpty ? .end : .commaOrClose
    }

    private func unexpected(
        _ token: SettingsTokens.Kind, _ tokens: SettingsTokens, _ expectation: Expectation
    ) -> SyntaxFault {
        if token == .end {
            guard let frame = stack.last else {
                return SyntaxFault(
                    line: tokens.line, problem: "the file holds no configuration",
                    advice: "the smallest one is {}")
            }
            let bracket = frame.isObject ? "{" : "["
            return SyntaxFault(
                line: tokens.line,
                problem: "the text ends before the \"\(bracket)\" of line \(frame.line) is closed",
                advice: nil)
        }
        let isObject = stack.last?.isObject == true
        let found = tokens.shown(token)
        switch expectation {
        case .commaOrClose:
            return SyntaxFault(
                line: tokens.line,
                problem: "expected \",\" or \"\(isObject ? "}" : "]")\" but found \(found)",
                advice: "is a comma missing before it?")
        case .keyOrClose:
            return SyntaxFault(
                line: tokens.line, problem: "expected a key or \"}\" but found \(found)",
                advice: nil)
        case .value, .valueOrClose, .end:
            return SyntaxFault(
                line: tokens.line, problem: "expected a value but found \(found)", advice: nil)
        }
    }
}
