import Notifier
import Testing

@Suite struct SignalProviderTests {
    @Test func `signals are made, connected to and emitted by name`() throws {
        let provider = SignalProvider()
        try provider.new("changed", of: String.self)
        #expect(provider.exists("changed") && !provider.exists("other"))
        var seen: [String] = []
        let token = try provider.connect("changed") { (text: String) in
            seen.append(text)
            return .keep
        }
        try provider.emit("changed", "a")
        #expect(try provider.disconnect("changed", token))
        #expect(try !provider.disconnect("changed", token))
        try provider.emit("changed", "b")
        #expect(seen == ["a"])
    }

    @Test func `a name that exists is an error`() throws {
        let provider = SignalProvider()
        try provider.new("a")
        #expect(throws: SignalError.exists("a")) { try provider.new("a", of: Int.self) }
    }

    @Test func `an unknown name is an error for every use`() throws {
        let provider = SignalProvider()
        let token = Signal<Void>().connect { .keep }
        #expect(throws: SignalError.unknown("a")) { try provider.emit("a", 1) }
        #expect(throws: SignalError.unknown("a")) {
            try provider.connect("a") { (_: Int) in .keep }
        }
        #expect(throws: SignalError.unknown("a")) { try provider.disconnect("a", token) }
        #expect(throws: SignalError.unknown("a")) { try provider.remove("a") }
        #expect(throws: SignalError.unknown("a")) { _ = try provider.signal("a") }
    }

    @Test func `an argument of another type is an error`() throws {
        let provider = SignalProvider()
        try provider.new("a", of: Int.self)
        let error = SignalError.otherArgument(name: "a", carries: "Int")
        #expect(throws: error) { try provider.emit("a", "text") }
        #expect(throws: error) { try provider.connect("a") { (_: String) in .keep } }
        #expect(error.description == "signal 'a' carries Int")
    }

    @Test func `providers do not share names`() throws {
        let first = SignalProvider()
        let second = SignalProvider()
        try first.new("a")
        try second.new("a")
        try first.remove("a")
        #expect(second.names == ["a"] && first.names == [])
    }
}
