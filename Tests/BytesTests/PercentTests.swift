import Bytes
import Testing

@Suite struct PercentTests {
    @Test(arguments: [
        ("/v1/modules/a b", "/v1/modules/a%20b"), ("/a;b=c,d@e:f", "/a;b=c,d@e:f"),
        ("/%41?x#y", "/%2541%3Fx%23y"), ("/ä\"<>", "/%C3%A4%22%3C%3E"), ("", ""),
    ])
    func `a decoded path is encoded as a URL has it`(_ path: String, _ expected: String) {
        var out = ByteBuffer()
        Array(path.utf8).withUnsafeBytes { Percent.encodePath($0, into: &out) }
        #expect(out.text() == expected)
    }

    private func decode(_ text: String, plusIsSpace: Bool = false) -> [UInt8]? {
        var output = ByteBuffer()
        output.append("<")
        let isValid = Array(text.utf8).withUnsafeBytes {
            Percent.decode($0, into: &output, plusIsSpace: plusIsSpace)
        }
        let bytes = output.array()
        #expect(bytes.first == UInt8(ascii: "<"))
        #expect(isValid || bytes.count == 1)
        return isValid ? Array(bytes.dropFirst()) : nil
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("%41", "A"), ("a%20b", "a b"), ("%2f%2F", "//"), ("a+b", "a+b"),
        ("%25%32%35", "%25"), ("%C3%A9", "é"), ("%00", "\0"),
    ])
    func `escapes are resolved once`(_ text: String, _ expected: String) {
        #expect(decode(text) == Array(expected.utf8))
    }

    @Test(arguments: ["%", "a%", "%4", "%g0", "%0g", "%%41", "%4 1", "%-1", "%+1", "%u0041"])
    func `a broken escape is refused and leaves no trace`(_ text: String) {
        #expect(decode(text) == nil)
    }

    @Test func `a plus is a space in forms only`() {
        #expect(decode("a+b%2B", plusIsSpace: true) == Array("a b+".utf8))
        #expect(decode("a+b") == Array("a+b".utf8))
    }

    @Test func `every byte comes back`() {
        let all = [UInt8](UInt8.min...UInt8.max)
        var encoded = ByteBuffer()
        all.withUnsafeBytes { Percent.encode($0, into: &encoded) }
        let text = encoded.text()
        #expect(decode(text) == all)
        #expect(text.utf8.allSatisfy { Percent.isUnreserved($0) || $0 == UInt8(ascii: "%") })
        #expect(text.hasPrefix("%00%01") && text.contains("%2F") && text.contains("~"))
    }

    @Test func `unreserved bytes are letters, digits and four signs`() {
        let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
        let expected = Set(text.utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(Percent.isUnreserved(byte) == expected.contains(byte))
        }
    }

    @Test(arguments: [(0, 65), (1, nil), (3, nil), (-1, nil), (9, nil)])
    func `an escape is read only where it is whole`(_ index: Int, _ byte: Int?) {
        let bytes = Array("%41%4".utf8)
        let found = bytes.withUnsafeBytes { Percent.escapedByte($0, at: index) }
        #expect(found == byte.map { UInt8($0) })
    }
}
