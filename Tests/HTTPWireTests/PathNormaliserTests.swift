import Bytes
import HTTPWire
import Testing

@Suite struct PathNormaliserTests {
    private func normalise(_ path: String, behind prefix: String = "") throws(WireError) -> String {
        try written { (output) throws(WireError) in
            output.append(text: prefix)
            try withBytes(path) { (bytes) throws(WireError) in
                try PathNormaliser.normalise(bytes, into: &output)
            }
        }
    }

    @Test(arguments: [
        ("", "/"), ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b.c", "/a/b.c"), ("/.", "/"),
        ("/./", "/"), ("/./a", "/a"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"),
        ("/a/../", "/"), ("/a/../b", "/b"), ("/a/b/..", "/a/"), ("/a/b/../", "/a/"),
        ("/a/b/../../c", "/c"), ("/a/b/c/./../../g", "/a/g"), ("/...", "/..."), ("/.a", "/.a"),
        ("/..a", "/..a"), ("/a..", "/a.."), ("//", "//"), ("//a", "//a"), ("/a//b", "/a//b"),
        ("/a//../b", "/a/b"), ("//..", "/"), ("/%41%2d%7E", "/A-~"), ("/a%20b", "/a b"),
        ("/%2e", "/"), ("/a/%2E%2e/b", "/b"), ("/a/.%2E/b", "/b"), ("/%2e%2e%2e", "/..."),
        ("/%25", "/%"), ("/%252F", "/%2F"), ("/%252e%252e", "/%2e%2e"), ("/%3Fa%23", "/?a#"),
        ("/caf%C3%A9", "/café"), ("/%F0%9F%98%80", "/😀"), ("/a%5Cb", "/a\\b"),
        ("/a;b=c", "/a;b=c"), ("/a+b", "/a+b"), ("/%7B", "/{"),
    ])
    func `a path has one spelling`(_ path: String, _ expected: String) throws {
        #expect(try normalise(path) == expected)
        #expect(try normalise(path, behind: "/base") == "/base" + expected)
    }

    @Test(arguments: [
        ("/..", WireFault.pathAboveRoot), ("/../a", .pathAboveRoot), ("/a/../../b", .pathAboveRoot),
        ("/%2e%2e/a", .pathAboveRoot), ("/./..", .pathAboveRoot), ("/a/%2e%2E/..", .pathAboveRoot),
        ("a", .pathNotAbsolute), ("*", .pathNotAbsolute), ("%2Fa", .pathNotAbsolute),
        ("/a%2Fb", .pathEncodedSlash), ("/%2f", .pathEncodedSlash), ("/..%2F", .pathEncodedSlash),
        ("/%", .pathEscapeInvalid), ("/%4", .pathEscapeInvalid), ("/%zz", .pathEscapeInvalid),
        ("/%4/1", .pathEscapeInvalid), ("/%%41", .pathEscapeInvalid), ("/%+1", .pathEscapeInvalid),
        ("/%00", .pathControl), ("/a%0Ab", .pathControl), ("/%0d%0a", .pathControl),
        ("/%1f", .pathControl), ("/%7F", .pathControl), ("/\u{1}", .pathControl),
        ("/é", .pathControl),
        ("/a b", .pathControl), ("/\\", .pathBackslash), ("/a\\..\\b", .pathBackslash),
        ("/%ff", .pathNotUTF8), ("/%C3", .pathNotUTF8), ("/%C3/%A9", .pathNotUTF8),
        ("/%C0%AF", .pathNotUTF8), ("/%E0%80%AF", .pathNotUTF8), ("/%ED%A0%80", .pathNotUTF8),
        ("/%F4%90%80%80", .pathNotUTF8), ("/%A9", .pathNotUTF8), ("/ok/%80/..", .pathNotUTF8),
    ])
    func `a path with two readings is refused and the connection kept`(
        _ path: String, _ fault: WireFault
    ) {
        #expect(throws: WireError.peer(fault, suggestedStatus: 400)) { try normalise(path) }
        #expect(!fault.closesConnection)
    }

    @Test func `what was in the buffer survives a refusal`() {
        var output = ByteBuffer()
        output.append("/base")
        #expect(throws: WireError.peer(.pathAboveRoot, suggestedStatus: 400)) {
            try withBytes("/a/../..") { (bytes) throws(WireError) in
                try PathNormaliser.normalise(bytes, into: &output)
            }
        }
        let text = output.text()
        #expect(text == "/base")
    }
}
