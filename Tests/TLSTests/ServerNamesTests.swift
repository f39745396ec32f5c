// From a name a client asks for to the certificate that serves it.

import Testing

@testable import TLS

@Suite struct ServerNamesTests {
    private func index(_ name: String, in names: ServerNames) -> Int? {
        Array(name.utf8).withUnsafeBytes { names.index(for: $0) }
    }

    /// A table with these names, and what `add` said to each.
    private func table(_ entries: (String, Int)...) -> (ServerNames, [Bool]) {
        var names = ServerNames()
        let outcomes = entries.map { names.add($0.0, index: $0.1) }
        return (names, outcomes)
    }

    @Test(arguments: [
        ("a.example", 0), ("A.Example", 0), ("a.example.", 0), ("b.wild.example", 1),
        ("B.WILD.example", 1), ("exact.wild.example", 2), ("wild.example", nil),
        ("c.b.wild.example", nil), (".wild.example", nil), ("xwild.example", nil), ("", nil),
        (".", nil), ("*.wild.example", 1), ("example", nil),
    ])
    func `names are found as certificates mean them`(_ name: String, _ expected: Int?) {
        let (names, outcomes) = table(
            ("a.EXAMPLE", 0), ("*.wild.example", 1), ("exact.wild.example", 2))
        #expect(outcomes == [true, true, true])
        #expect(index(name, in: names) == expected)
    }

    @Test func `the first certificate with a name keeps it`() {
        let (names, outcomes) = table(
            ("a.example", 0), ("A.example.", 1), ("*.example", 1), ("*.example", 2))
        #expect(outcomes == [true, false, true, false])
        #expect(index("a.example", in: names) == 0)
        #expect(index("b.example", in: names) == 1)
    }
}
