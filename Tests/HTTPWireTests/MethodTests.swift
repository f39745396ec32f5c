import Testing

@testable import HTTPWire

@Suite struct MethodTests {
    @Test(arguments: HTTPWire.Method.allCases.filter { $0 != .other })
    func `a method is recognised by its name and no other`(_ method: HTTPWire.Method) throws {
        let name = try #require(method.name?.description)
        func recognise(_ text: String) -> HTTPWire.Method {
            withBytes(text) { HTTPWire.Method.recognise($0) }
        }
        #expect(recognise(name) == method)
        #expect(recognise(name.lowercased()) == .other)
        #expect(recognise(name + "X") == .other)
        #expect(recognise(String(name.dropLast())) == .other)
        #expect(recognise(name + "\0") == .other || name.utf8.count < 7)
    }

    @Test func `safe methods are idempotent`() {
        let safe: [HTTPWire.Method] = [.get, .head, .options, .trace]
        #expect(HTTPWire.Method.allCases.filter(\.isSafe) == safe)
        let idempotent: [HTTPWire.Method] = [.get, .head, .put, .delete, .options, .trace]
        #expect(HTTPWire.Method.allCases.filter(\.isIdempotent) == idempotent)
    }
}
