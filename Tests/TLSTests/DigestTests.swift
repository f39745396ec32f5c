// Digests against published vectors, comparison, random tokens.

import Testing

@testable import TLS

@Suite struct DigestTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the digests of FIPS 180`(_ text: String, _ digest: String) {
        #expect(hex(Digest.sha256(text)) == digest)
        #expect(hex(Digest.sha256(Array(text.utf8))) == digest)
    }

    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        ([], "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ])
    func `HMAC gives the codes of RFC 4231`(_ key: [UInt8], _ text: String, _ code: String) {
        #expect(hex(Digest.hmacSHA256(key: key, message: Array(text.utf8))) == code)
    }

    @Test func `comparison tells equal from different`() {
        #expect(Digest.constantTimeEquals([], []))
        #expect(Digest.constantTimeEquals([1, 2], [1, 2]))
        #expect(!Digest.constantTimeEquals([1, 2], [1, 3]))
        #expect(!Digest.constantTimeEquals([1, 2], [1, 2, 3]))
        #expect(!Digest.constantTimeEquals([], [0]))
    }
}

@Suite struct RandomTests {
    @Test func `random bytes have the length asked for and differ`() {
        #expect(Random.bytes(count: 0).isEmpty)
        #expect(Random.bytes(count: -1).isEmpty)
        let first = Random.bytes(count: 32)
        #expect(first.count == 32)
        #expect(first != Random.bytes(count: 32))
    }

    @Test func `tokens are 22 characters of base64url and never repeat`() {
        var seen: Set<String> = []
        var characters: Set<Character> = []
        for _ in 0..<2_000 {
            let token = Random.token()
            #expect(token.utf8.count == 22)
            seen.insert(token)
            characters.formUnion(token)
            // The last character carries two bits.
            #expect("AQgw".contains(token.last ?? "?"))
        }
        #expect(seen.count == 2_000)
        #expect(
            characters
                == Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    }
}
