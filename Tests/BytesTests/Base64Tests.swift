import Bytes
import Testing

@Suite struct Base64Tests {
    private func encode(_ bytes: [UInt8], _ alphabet: Base64.Alphabet) -> String {
        var output = ByteBuffer()
        bytes.withUnsafeBytes { Base64.encode($0, into: &output, alphabet: alphabet) }
        return output.text()
    }

    private func decode(_ text: String, _ alphabet: Base64.Alphabet) -> [UInt8]? {
        var output = ByteBuffer()
        output.append("<")
        let isValid = Array(text.utf8).withUnsafeBytes {
            Base64.decode($0, into: &output, alphabet: alphabet)
        }
        let bytes = output.array()
        #expect(isValid || bytes.count == 1)
        return isValid ? Array(bytes.dropFirst()) : nil
    }

    // RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func `the examples of the RFC hold`(_ plain: String, _ encoded: String) {
        #expect(encode(Array(plain.utf8), .standard) == encoded)
        #expect(decode(encoded, .standard) == Array(plain.utf8))
        let unpadded = encoded.replacing("=", with: "")
        #expect(encode(Array(plain.utf8), .urlSafe) == unpadded)
        #expect(decode(unpadded, .urlSafe) == Array(plain.utf8))
    }

    @Test(arguments: 0..<70)
    func `all bytes come back at every length`(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
        for alphabet in [Base64.Alphabet.standard, .urlSafe] {
            #expect(decode(encode(bytes, alphabet), alphabet) == bytes)
        }
    }

    @Test func `the alphabets differ in two characters`() {
        #expect(encode([0xFB, 0xEF, 0xFF], .standard) == "++//")
        #expect(encode([0xFB, 0xEF, 0xFF], .urlSafe) == "--__")
        #expect(decode("++//", .urlSafe) == nil && decode("--__", .standard) == nil)
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Zm9", "=", "==", "====", "Z===", "Zg==Zg==", "Zg=a", "Zm9v\n",
        " Zm9v", "Zm 9v", "Zh==", "Zm9=", "Zm8", "Zm9*", "Zm9\u{E9}", "Z=8=",
    ])
    func `a second spelling is refused`(_ text: String) {
        #expect(decode(text, .standard) == nil)
    }

    @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9vY", "Zg ", "Z.g"])
    func `a second spelling is refused in tokens`(_ text: String) {
        #expect(decode(text, .urlSafe) == nil)
    }
}
