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

    @Test(
        arguments: [
            ([0, 4, 0, 0, 1, 97], "a"), ([0, 7, 0, 0, 4, 97, 46, 98, 99], "a.bc"),
            ([], nil), ([0], nil), ([0, 4, 0, 0, 1], nil), ([0, 3, 0, 0, 0], nil),
            ([0, 4, 0, 0, 0, 97], nil), ([0, 4, 1, 0, 1, 97], nil), ([0, 4, 0, 0, 2, 97], nil),
            ([0, 4, 0, 255, 255, 97], nil),
        ] as [([UInt8], String?)])
    func `the name in the extension is found within its bounds`(_ data: [UInt8], _ name: String?) {
        let found = data.withUnsafeBytes { bytes in
            ServerNames.asked(in: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(found == name)
    }

    @Test func `an extension cut or changed anywhere is read within its bounds`() {
        let whole: [UInt8] = [0, 12, 0, 0, 9, 108, 111, 99, 97, 108, 104, 111, 115, 116]
        for index in whole.indices {
            for value in UInt8.min...UInt8.max {
                var changed = whole
                changed[index] = value
                for count in [whole.count, index] {
                    changed.prefix(count).withUnsafeBytes { bytes in
                        let name = ServerNames.asked(in: bytes)
                        #expect((name?.count ?? 1) <= max(count - 5, 1))
                    }
                }
            }
        }
    }
}
